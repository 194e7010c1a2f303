//! Records: small JSON documents that say what they are, for stores that keep them under keys.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use standfast_core::{Error, ErrorKind, Result};

/// What is kept under a key.
///
/// ```text
///   {"format": "standfast-rocksdb-fence", "version": 1, "record": {..}}
/// ```
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// What it says it is.
    const FORMAT: &'static str;
    /// The version that this program reads and writes.
    const VERSION: u32 = 1;
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
pub(crate) fn encode<T: Record>(record: &T) -> Result<Vec<u8>> {
    let storing = Storing {
        format: T::FORMAT,
        version: T::VERSION,
        record,
    };
    serde_json::to_vec(&storing)
        .map_err(|source| Error::new(ErrorKind::Invalid, "encode").source(source))
}

/// Reads a record: the kind and version first, so that a newer one is `Version`, not `Corrupt`.
pub(crate) fn decode<T: Record>(bytes: &[u8]) -> Result<T> {
    let unread = |source: serde_json::Error| broken::<T>().source(source);
    let preamble: Preamble = serde_json::from_slice(bytes).map_err(unread)?;
    if preamble.format != T::FORMAT {
        return Err(broken::<T>().context(format!("it is a `{}`", preamble.format)));
    }
    if preamble.version != T::VERSION {
        return Err(Error::new(ErrorKind::Version, "decode").context(format!(
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
    Error::new(ErrorKind::Corrupt, "decode").context(format!("the record is no `{}`", T::FORMAT))
}

/// Compares a record with its golden file, both ways.
#[cfg(test)]
pub(crate) fn is_golden<T: Record + PartialEq + std::fmt::Debug>(name: &str, record: &T) {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
    let path = format!("{dir}/{name}-v1.json");
    let bytes = encode(record).unwrap();
    if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(bytes, std::fs::read(&path).unwrap(), "{name}");
    assert_eq!(&decode::<T>(&bytes).unwrap(), record);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Floor {
        seq: u64,
    }

    impl Record for Floor {
        const FORMAT: &'static str = "standfast-floor";
    }

    #[derive(Serialize, Deserialize)]
    struct Other {}

    impl Record for Other {
        const FORMAT: &'static str = "standfast-other";
    }

    #[test]
    fn a_newer_version_is_refused_as_such_and_garbage_as_corrupt() {
        let newer = br#"{"format": "standfast-floor", "version": 2, "shape": []}"#;
        let error = decode::<Floor>(newer).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Version);
        for garbage in [&b"{\"format\": \"stand"[..], b"", b"{}"] {
            let error = decode::<Floor>(garbage).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Corrupt);
        }
        let error = decode::<Floor>(&encode(&Other {}).unwrap()).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt);
    }
}
