use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::file::cluster::decode;
use crate::file::error::io_error;
use standfast_core::{Candidate, Epoch, Fingerprint, NodeId, Result};

const FORMAT: &str = "standfast-grant";
const VERSION: u32 = 1;

/// Who was granted an epoch: `{dir}/fences/{epoch:020}`, JSON, version 1. The largest name is the leader's; none is ever
/// deleted (EL-8).
///
/// ```text
///   {"format": "standfast-grant", "version": 1, "cluster": "<32 hex digits>", "epoch": 7, "node": "a",
///    "endpoint": "host:port", "http": "host:port", "ttl_ms": 5000, "pid": 4711, "boot": "<boot id>"}
/// ```
///
/// The ttl is the holder's: others wait for as long as it believes, whatever their own configuration says. The boot id
/// is the one of its kernel.
///
/// Its holder keeps an exclusive `flock` on it, taken before the file got its name: a lock that is free on the kernel
/// with that boot id proves the holder dead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Grant {
    format: String,
    version: u32,
    pub(super) cluster: Fingerprint,
    pub(super) epoch: Epoch,
    #[serde(flatten)]
    pub(super) candidate: Candidate,
    ttl_ms: u64,
    pub(super) pid: u32,
    pub(super) boot: String,
}

impl Grant {
    pub(super) fn new(
        cluster: Fingerprint,
        epoch: Epoch,
        candidate: &Candidate,
        ttl: Duration,
        boot: &str,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            cluster,
            epoch,
            candidate: candidate.clone(),
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
            pid: std::process::id(),
            boot: boot.to_owned(),
        }
    }

    /// How long after its last renewal the holder may believe.
    pub(super) const fn ttl(&self) -> Duration {
        Duration::from_millis(self.ttl_ms)
    }

    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|source| io_error("read leader", path, source))?;
        decode(&bytes, FORMAT, VERSION).map_err(|error| error.context(path.display().to_string()))
    }
}

/// What a leader that gave up says: `{dir}/resigned-{epoch:020}`, JSON, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resignation {
    format: String,
    version: u32,
    /// Whom it wishes to follow it.
    pub(super) successor: Option<NodeId>,
}

impl Resignation {
    const FORMAT: &str = "standfast-resignation";

    pub(super) fn new(successor: Option<&NodeId>) -> Self {
        Self {
            format: Self::FORMAT.to_owned(),
            version: VERSION,
            successor: successor.cloned(),
        }
    }

    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        match fs::read(path) {
            Ok(bytes) => decode(&bytes, Self::FORMAT, VERSION)
                .map(Some)
                .map_err(|error| error.context(path.display().to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(io_error("read leader", path, source)),
        }
    }
}

/// The id that this run of the kernel drew: files locked under another one were locked by the dead, or on another
/// host.
pub(super) fn boot_id() -> Result<String> {
    let path = Path::new("/proc/sys/kernel/random/boot_id");
    fs::read_to_string(path)
        .map(|id| id.trim().to_owned())
        .map_err(|source| io_error("open store", path, source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_words::{candidate, cluster, node};

    fn golden(name: &str, bytes: &[u8]) -> Vec<u8> {
        let path = format!("{}/golden/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
            fs::write(&path, bytes).unwrap();
        }
        fs::read(path).unwrap()
    }

    #[test]
    fn the_golden_grant_and_resignation_are_read_and_written_to_the_byte() {
        let mut grant = Grant::new(
            cluster(),
            Epoch(7),
            &candidate("a"),
            Duration::from_secs(5),
            "boot",
        );
        grant.pid = 4711;
        let bytes = serde_json::to_vec(&grant).unwrap();
        assert_eq!(bytes, golden("grant-v1.json", &bytes));
        let read: Grant = decode(&bytes, FORMAT, VERSION).unwrap();
        assert_eq!(read, grant);
        let resignation = Resignation::new(Some(&node("b")));
        let bytes = serde_json::to_vec(&resignation).unwrap();
        assert_eq!(bytes, golden("resignation-v1.json", &bytes));
    }
}
