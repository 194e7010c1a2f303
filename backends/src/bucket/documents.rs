//! The JSON documents of a bucket: whatever is read is believed only after format and cluster were checked.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use standfast_core::{
    ATTESTATION_FORMAT, Attestation, CATALOG_FORMAT, CatalogEntry, ErrorKind, Fingerprint,
    MANIFEST_FORMAT, Manifest, Result, Seq, SnapshotId,
};

use super::error::fail;

/// Whose bucket this is, at `fingerprint`.
///
/// ```text
///   {"format": 2, "cluster": "..", "claim": "32 hex digits"}      1 had no claim
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Owner {
    pub(super) format: u32,
    pub(super) cluster: Fingerprint,
    /// Another each time that somebody claims the bucket, which is once unless it was emptied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) claim: Option<String>,
}

/// A restore in progress, at `pins/{snapshot}/{holder}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PinDocument {
    pub(super) format: u32,
    pub(super) cluster: Fingerprint,
    pub(super) snapshot: SnapshotId,
    pub(super) seq: Seq,
    pub(super) holder: String,
}

/// What all documents have in common.
pub(super) trait Document: Serialize + DeserializeOwned + Send + Sync {
    /// For messages.
    const WHAT: &'static str;
    /// The newest format this version reads.
    const FORMAT: u32;

    /// The cluster it says it is of.
    fn cluster(&self) -> Fingerprint;
}

macro_rules! document {
    ($type:ty, $what:literal, $format:expr) => {
        impl Document for $type {
            const WHAT: &'static str = $what;
            const FORMAT: u32 = $format;

            fn cluster(&self) -> Fingerprint {
                self.cluster
            }
        }
    };
}

document!(Owner, "fingerprint", 2);
document!(PinDocument, "pin", 1);
document!(Manifest, "manifest", MANIFEST_FORMAT);
document!(CatalogEntry, "catalog entry", CATALOG_FORMAT);
document!(Attestation, "attestation", ATTESTATION_FORMAT);

#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// The stored bytes of a document.
pub(super) fn encode<D: Document>(document: &D) -> Bytes {
    let mut text = serde_json::to_vec_pretty(document).expect("plain data without maps");
    text.push(b'\n');
    text.into()
}

/// Reads a document of any cluster. `name` is for messages.
///
/// # Errors
/// `Version` for a newer format, `Corrupt`.
pub(super) fn decode<D: Document>(name: &str, bytes: &[u8]) -> Result<D> {
    let corrupt = |source: serde_json::Error| {
        let what = D::WHAT;
        fail(
            ErrorKind::Corrupt,
            "decode",
            format!("{what} `{name}` of {} bytes does not parse", bytes.len()),
        )
        .source(source)
    };
    let Format { format } = serde_json::from_slice(bytes).map_err(corrupt)?;
    if !(1..=D::FORMAT).contains(&format) {
        return Err(fail(
            ErrorKind::Version,
            "decode",
            format!(
                "{} `{name}` is of format {format}, this version reads {}: upgrade",
                D::WHAT,
                D::FORMAT
            ),
        ));
    }
    serde_json::from_slice(bytes).map_err(corrupt)
}

/// Reads a document of this cluster.
///
/// # Errors
/// As [`decode`]; `Foreign` for another cluster's.
pub(super) fn decode_ours<D: Document>(
    name: &str,
    bytes: &[u8],
    cluster: Fingerprint,
) -> Result<D> {
    let document: D = decode(name, bytes)?;
    check_cluster(D::WHAT, name, document.cluster(), cluster)?;
    Ok(document)
}

/// Refuses another cluster's document.
pub(super) fn check_cluster(
    what: &str,
    name: &str,
    theirs: Fingerprint,
    ours: Fingerprint,
) -> Result<()> {
    if theirs == ours {
        return Ok(());
    }
    Err(fail(
        ErrorKind::Foreign,
        "check cluster",
        format!(
            "{what} `{name}` is of cluster {theirs}, this bucket is of {ours}: give each cluster an id or a url of \
             its own"
        ),
    ))
}
