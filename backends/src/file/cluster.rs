use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use super::error::{corrupt, error, io_error, not_initialised};
use super::exclusive;
use super::layout::Layout;
use standfast_core::{Error, ErrorKind, Fingerprint, Result};

const FORMAT: &str = "standfast-cluster";
const VERSION: u32 = 1;
const NAME: &str = "cluster";

/// Whose directory it is: `{dir}/cluster`, JSON, version 1.
///
/// ```text
///   {"format": "standfast-cluster", "version": 1, "fingerprint": "<32 hex digits>"}
/// ```
#[derive(Debug, Serialize, Deserialize)]
struct ClusterRecord {
    format: String,
    version: u32,
    fingerprint: Fingerprint,
}

/// What tells the kind and the version of a small JSON file, whatever else is in it.
#[derive(Deserialize)]
struct Preamble {
    format: String,
    version: u32,
}

/// Reads one of this backend's small JSON files: the kind and version first, so that a newer one is `Version`,
/// not `Corrupt`.
pub(super) fn decode<'de, T: Deserialize<'de>>(
    bytes: &'de [u8],
    format: &str,
    version: u32,
) -> Result<T> {
    let broken = |source: serde_json::Error| error(ErrorKind::Corrupt, "decode").source(source);
    let preamble: Preamble = serde_json::from_slice(bytes).map_err(broken)?;
    if preamble.format != format {
        return Err(error(ErrorKind::Corrupt, "decode").context(format!(
            "a `{}` where a `{format}` was expected",
            preamble.format
        )));
    }
    if preamble.version != version {
        return Err(error(ErrorKind::Version, "decode").context(format!(
            "`{format}` of version {}, this program reads {version}: upgrade",
            preamble.version
        )));
    }
    serde_json::from_slice(bytes).map_err(broken)
}

/// The fingerprint of the directory, if it has one.
pub(super) fn read(layout: &Layout) -> Result<Option<Fingerprint>> {
    let path = layout.at(NAME);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io_error("read fingerprint", &path, source)),
    };
    let record: ClusterRecord = decode(&bytes, FORMAT, VERSION)
        .map_err(|error| error.context(path.display().to_string()))?;
    Ok(Some(record.fingerprint))
}

/// The fingerprint of a directory that must have one.
pub(super) fn require(layout: &Layout, operation: &'static str) -> Result<Fingerprint> {
    read(layout)?.ok_or_else(|| not_initialised(operation, layout.dir()))
}

/// Makes the directory one of `cluster`, once (ST-1).
pub(super) fn init(layout: &Layout, cluster: Fingerprint) -> Result<()> {
    let record = ClusterRecord {
        format: FORMAT.to_owned(),
        version: VERSION,
        fingerprint: cluster,
    };
    let bytes = serde_json::to_vec(&record)
        .map_err(|source| error(ErrorKind::Invalid, "init").source(source))?;
    exclusive::create(&layout.tmp(), layout.dir(), NAME, &bytes)
        .map_err(|source| io_error("init", layout.dir(), source))?;
    match read(layout)? {
        Some(own) if own == cluster => Ok(()),
        Some(own) => Err(foreign(layout, "init", own, cluster)),
        None => Err(corrupt(
            "init",
            &layout.at(NAME),
            0,
            "written a moment ago, and gone",
        )),
    }
}

/// The directory is another cluster's.
pub(super) fn foreign(
    layout: &Layout,
    operation: &'static str,
    own: Fingerprint,
    other: Fingerprint,
) -> Error {
    error(ErrorKind::Foreign, operation).context(format!(
        "{} belongs to the cluster with fingerprint {own}, this is {other}: give each cluster a \
         directory of its own",
        layout.dir().display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_words::cluster;

    fn layout(dir: &std::path::Path) -> Layout {
        let layout = Layout::new(dir.to_owned());
        layout.create(&["tmp"]).unwrap();
        layout
    }

    #[test]
    fn the_golden_cluster_file_is_read_and_written_to_the_byte() {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout(dir.path());
        init(&layout, cluster()).unwrap();
        let written = fs::read(layout.at(NAME)).unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/cluster-v1.json");
        if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
            fs::write(path, &written).unwrap();
        }
        assert_eq!(written, fs::read(path).unwrap());
        assert_eq!(read(&layout).unwrap(), Some(cluster()));
    }

    #[test]
    fn a_newer_version_is_refused_as_such_and_garbage_as_corrupt() {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout(dir.path());
        let newer = "{\"format\": \"standfast-cluster\", \"version\": 2, \"shape\": []}";
        fs::write(layout.at(NAME), newer).unwrap();
        assert_eq!(*read(&layout).unwrap_err().kind(), ErrorKind::Version);
        fs::write(layout.at(NAME), "{\"format\": \"stand").unwrap();
        assert_eq!(*read(&layout).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
