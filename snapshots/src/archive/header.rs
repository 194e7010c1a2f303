use serde::{Deserialize, Serialize};
use standfast_core::{ClusterId, Error, ErrorKind, MANIFEST_FORMAT, Manifest, Result};

/// The archive format this version writes, and the newest it reads.
pub const ARCHIVE_FORMAT: u32 = 1;

const MAGIC: &[u8; 8] = b"SFEXPORT";
/// Bytes before the JSON.
pub(super) const PREAMBLE: usize = 48;

/// What an archive is of. An archive is one file:
///
/// ```text
///   0           8          12         16          48         48 + length
///   | SFEXPORT  | version  | length   | BLAKE3    | JSON     | part 0 | part 1 | ... | end of the file
///               | u32 = 1  | u32, of JSON         | {"cluster": "..", "manifest": {..}}
/// ```
///
/// Numbers are little endian. The JSON is this type; the parts are the stored bytes of the manifest's, of the sizes and in
/// the order it says. The header comes first so that a reader knows at once how long the whole file must be; its hash
/// vouches for it, and the hashes of the parts that it holds for the rest: no byte may change unnoticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveHeader {
    /// `[cluster] id`, which the manifest's fingerprint is of.
    pub cluster: ClusterId,
    /// The snapshot, as its bucket had it.
    pub manifest: Manifest,
}

/// What tells the format of a manifest, whatever else is in it.
#[derive(Deserialize)]
struct Formats {
    manifest: Format,
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// The first bytes of a file, looked at.
#[derive(Debug)]
pub(super) struct Preamble {
    /// Of the JSON.
    pub(super) length: u32,
    hash: [u8; 32],
}

impl Preamble {
    pub(super) fn decode(bytes: &[u8; PREAMBLE]) -> Result<Self> {
        if !bytes.starts_with(MAGIC) {
            return Err(corrupt(
                "it does not begin with `SFEXPORT`: it is no file of `standfast snapshot export`, or its first bytes \
                 were altered",
            ));
        }
        let version = number(bytes, 8);
        if version != ARCHIVE_FORMAT {
            return Err(newer("it is", version, ARCHIVE_FORMAT));
        }
        Ok(Self {
            length: number(bytes, 12),
            hash: *bytes.last_chunk().expect("32 <= PREAMBLE"),
        })
    }
}

impl ArchiveHeader {
    /// Everything before the first part.
    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        let invalid = |what: &str| Error::new(ErrorKind::Invalid, "export").context(what);
        let json = serde_json::to_vec(self)
            .map_err(|source| invalid("the header cannot be written").source(source))?;
        let length = u32::try_from(json.len());
        let length = length.map_err(|source| {
            invalid("the manifest has more than 4 GiB; what comes first has 32 bits for that")
                .source(source)
        })?;
        let mut bytes = Vec::with_capacity(PREAMBLE + json.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&ARCHIVE_FORMAT.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(blake3::hash(&json).as_bytes());
        bytes.extend_from_slice(&json);
        Ok(bytes)
    }

    pub(super) fn decode(preamble: &Preamble, json: &[u8]) -> Result<Self> {
        if *blake3::hash(json).as_bytes() != preamble.hash {
            return Err(corrupt(format!(
                "its header, bytes {PREAMBLE} to {}, was altered",
                PREAMBLE + json.len()
            )));
        }
        let broken =
            |source: serde_json::Error| corrupt("its header does not parse").source(source);
        let Formats { manifest } = serde_json::from_slice(json).map_err(broken)?;
        if !(1..=MANIFEST_FORMAT).contains(&manifest.format) {
            return Err(newer("its manifest is", manifest.format, MANIFEST_FORMAT));
        }
        let header: Self = serde_json::from_slice(json).map_err(broken)?;
        header.manifest.check_layers()?;
        if header.manifest.cluster.is_of(&header.cluster) {
            return Ok(header);
        }
        Err(corrupt(format!(
            "it says it is of cluster `{}`, and its fingerprint {} is of another",
            header.cluster, header.manifest.cluster
        )))
    }
}

fn number(bytes: &[u8; PREAMBLE], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
    u32::from_le_bytes(*four.expect("within the preamble"))
}

fn newer(what: &str, theirs: u32, ours: u32) -> Error {
    Error::new(ErrorKind::Version, "read archive").context(format!(
        "{what} of format {theirs}, this program reads {ours}: upgrade"
    ))
}

pub(super) fn corrupt(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Corrupt, "read archive").context(what)
}
