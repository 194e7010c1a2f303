//! The records of the family `meta`: JSON, each with its kind and version.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::error;
use standfast_core::{
    Epoch, Error, ErrorKind, FenceToken, Fingerprint, NodeId, Position, Result, Skip,
};

/// What is kept under a key of `meta`.
///
/// ```text
///   {"format": "standfast-rocksdb-fence", "version": 1, "record": {..}}
/// ```
pub(super) trait Record: Serialize + DeserializeOwned {
    /// What it says it is.
    const FORMAT: &'static str;
    /// The version that this program reads and writes.
    const VERSION: u32 = 1;
}

/// A record that there is one of.
pub(super) trait Single: Record {
    /// Where it is.
    const KEY: &'static str;
}

/// Whose log it is.
///
/// ```text
///   {"fingerprint": "<32 hex digits>"}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClusterRecord {
    pub(super) fingerprint: Fingerprint,
}

/// Who was let in last. One write makes it durable together with what its writer settled.
///
/// ```text
///   {"epoch": 7, "holder": "node-a", "nonce": "<32 hex digits>", "settled": {"epoch": 6, "seq": 4711, "chain": ".."}}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FenceRecord {
    pub(super) epoch: Epoch,
    pub(super) holder: NodeId,
    pub(super) nonce: String,
    /// End of the log when it was let in: all up to there was looked at, and is durable.
    pub(super) settled: Position,
}

impl FenceRecord {
    pub(super) fn of(token: &FenceToken, settled: Position) -> Self {
        Self {
            epoch: token.epoch,
            holder: token.holder.clone(),
            nonce: format!("{:032x}", token.nonce),
            settled,
        }
    }

    /// Whether it is the fence of `token`.
    pub(super) fn is_of(&self, token: &FenceToken) -> bool {
        self.epoch == token.epoch && self.nonce == format!("{:032x}", token.nonce)
    }
}

/// What the first entry follows: written when the log is trimmed or begun anew. Genesis without it.
///
/// ```text
///   {"position": {"epoch": 7, "seq": 4711, "chain": "<32 hex digits>"}}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FloorRecord {
    pub(super) position: Position,
}

/// How far followers may read, when no batch follows. Not synced: the next writer settles.
///
/// ```text
///   {"position": {"epoch": 7, "seq": 4711, "chain": "<32 hex digits>"}}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CommittedRecord {
    pub(super) position: Position,
}

/// An entry that is passed over. None is ever deleted (R7).
///
/// ```text
///   {"seq": 4711, "batch": {"epoch": 7, "seq": 4720, "chain": ".."}, "through": 4800, "epoch": 9, "node": "node-a",
///    "reason": ".."}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct SkipRecord {
    pub(super) skip: Skip,
}

impl Record for ClusterRecord {
    const FORMAT: &'static str = "standfast-rocksdb-cluster";
}

impl Single for ClusterRecord {
    const KEY: &'static str = "cluster";
}

impl Record for FenceRecord {
    const FORMAT: &'static str = "standfast-rocksdb-fence";
}

impl Single for FenceRecord {
    const KEY: &'static str = "fence";
}

impl Record for FloorRecord {
    const FORMAT: &'static str = "standfast-rocksdb-floor";
}

impl Single for FloorRecord {
    const KEY: &'static str = "floor";
}

impl Record for CommittedRecord {
    const FORMAT: &'static str = "standfast-rocksdb-committed";
}

impl Single for CommittedRecord {
    const KEY: &'static str = "committed";
}

impl Record for SkipRecord {
    const FORMAT: &'static str = "standfast-rocksdb-skip";
}

/// What tells the kind and the version, whatever else is in it.
#[derive(Deserialize)]
struct Preamble {
    format: String,
    version: u32,
}

#[derive(Deserialize)]
struct Stored<T> {
    record: T,
}

#[derive(Serialize)]
struct Storing<'a, T> {
    format: &'a str,
    version: u32,
    record: &'a T,
}

/// The bytes of a record.
pub(super) fn encode<T: Record>(record: &T) -> Result<Vec<u8>> {
    let storing = Storing {
        format: T::FORMAT,
        version: T::VERSION,
        record,
    };
    serde_json::to_vec(&storing)
        .map_err(|source| error(ErrorKind::Invalid, "encode").source(source))
}

/// Reads a record: the kind and version first, so that a newer one is `Version`, not `Corrupt`.
pub(super) fn decode<T: Record>(bytes: &[u8]) -> Result<T> {
    let unread = |source: serde_json::Error| broken::<T>().source(source);
    let preamble: Preamble = serde_json::from_slice(bytes).map_err(unread)?;
    if preamble.format != T::FORMAT {
        return Err(broken::<T>().context(format!("it is a `{}`", preamble.format)));
    }
    if preamble.version != T::VERSION {
        return Err(error(ErrorKind::Version, "decode").context(format!(
            "`{}` of version {}, this program reads {}: upgrade",
            T::FORMAT,
            preamble.version,
            T::VERSION
        )));
    }
    let stored: Stored<T> = serde_json::from_slice(bytes).map_err(unread)?;
    Ok(stored.record)
}

fn broken<T: Record>() -> Error {
    error(ErrorKind::Corrupt, "decode").context(format!("the record is no `{}`", T::FORMAT))
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::log_words::{batch, cluster, skip, token};

    fn is_golden<T: Record + PartialEq + Debug>(name: &str, record: &T) {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
        let path = format!("{dir}/rocksdb-{name}-v1.json");
        let bytes = encode(record).unwrap();
        if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        assert_eq!(bytes, std::fs::read(&path).unwrap(), "{name}");
        assert_eq!(&decode::<T>(&bytes).unwrap(), record);
    }

    #[test]
    fn the_golden_records_are_read_and_written_to_the_byte() {
        let position = batch(Epoch(3), Position::genesis(cluster()), &[b"x"]).end();
        let fingerprint = cluster();
        is_golden("cluster", &ClusterRecord { fingerprint });
        is_golden("fence", &FenceRecord::of(&token(7), position));
        is_golden("floor", &FloorRecord { position });
        is_golden("committed", &CommittedRecord { position });
        is_golden("skip", &SkipRecord { skip: skip(7) });
    }

    #[test]
    fn a_newer_version_is_refused_as_such_and_garbage_as_corrupt() {
        let newer = br#"{"format": "standfast-rocksdb-floor", "version": 2, "shape": []}"#;
        let error = decode::<FloorRecord>(newer).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Version);
        for garbage in [&b"{\"format\": \"stand"[..], b"", b"{}"] {
            let error = decode::<FloorRecord>(garbage).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Corrupt);
        }
        let other = encode(&ClusterRecord {
            fingerprint: cluster(),
        });
        let error = decode::<FloorRecord>(&other.unwrap()).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt);
    }
}
