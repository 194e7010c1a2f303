use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use standfast_core::{
    Chain, ClusterId, Digest, Epoch, ErrorKind, Fingerprint, MANIFEST_COMPLETE, Manifest, NodeId,
    PartRef, Position, Result, Seq, SnapshotId, SnapshotReader, UploadId, Versions,
};

use super::header::PREAMBLE;
use super::*;

const PARTS: [&[u8]; 3] = [b"first part", b"", b"the last part"];
const UPLOAD: UploadId = UploadId {
    began_on: 3,
    random: 0xfeed,
};

/// A snapshot whose parts are text.
#[derive(Debug)]
struct TextReader(Manifest);

#[async_trait]
impl SnapshotReader for TextReader {
    fn manifest(&self) -> &Manifest {
        &self.0
    }

    async fn read_part(&self, part: &PartRef) -> Result<Bytes> {
        let found = PARTS.iter().find(|bytes| part_of(bytes) == *part);
        Ok(Bytes::from_static(found.unwrap()))
    }
}

fn part_of(bytes: &[u8]) -> PartRef {
    PartRef {
        upload: UPLOAD,
        blake3: blake3::hash(bytes).to_hex().to_string(),
        size: bytes.len() as u64,
        crc32c: 7,
        rows: 2,
        first_section: 0,
        last_section: 1024,
    }
}

fn cluster() -> ClusterId {
    ClusterId::new("stories").unwrap()
}

fn reader() -> TextReader {
    TextReader(Manifest {
        format: MANIFEST_COMPLETE,
        cluster: Fingerprint::draw(&cluster(), [3; 16]),
        id: SnapshotId::new(Seq(42), UPLOAD.random),
        position: Position {
            epoch: Epoch(5),
            seq: Seq(42),
            chain: Chain::of(b"history"),
        },
        producer: NodeId::new("standby").unwrap(),
        created_ms: 1,
        stamp_ms: 2,
        digest: Digest(42),
        versions: Versions {
            written: 1,
            lowest_reader: 1,
            digest: 1,
        },
        parts: PARTS.iter().map(|bytes| part_of(bytes)).collect(),
        base: None,
        layers: Vec::new(),
    })
}

async fn archived() -> Vec<u8> {
    let mut out = Vec::new();
    let written = export(&reader(), cluster(), &mut out, || {}).await;
    assert_eq!(written.unwrap(), out.len() as u64);
    out
}

/// What reading it whole comes to.
async fn read(dir: &Path, bytes: &[u8]) -> Result<ArchiveHeader> {
    let path = dir.join("archive");
    fs::write(&path, bytes).unwrap();
    let archive = Arc::new(Archive::open(&path)?);
    archive.verify(|| {}).await?;
    Ok(archive.header().clone())
}

#[tokio::test]
async fn the_golden_archive_is_read_and_written_to_the_byte() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/archive-v1.bin");
    let written = archived().await;
    if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
        fs::write(path, &written).unwrap();
    }
    assert_eq!(written, fs::read(path).unwrap());
    let archive = Arc::new(Archive::open(Path::new(path)).unwrap());
    assert_eq!(archive.header().manifest, reader().0);
    for (index, part) in PARTS.iter().enumerate() {
        assert_eq!(archive.read(index).await.unwrap(), *part);
    }
}

#[tokio::test]
async fn an_archive_cut_anywhere_is_corrupt_and_says_where_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let whole = archived().await;
    for cut in 0..whole.len() {
        let error = read(dir.path(), &whole[..cut]).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt, "cut at {cut}");
        assert!(error.to_string().contains(&cut.to_string()), "{error}");
    }
    let error = read(dir.path(), &whole[..whole.len() - 1]).await;
    let told = error.unwrap_err().to_string();
    assert!(told.contains("within part 3 of 3"), "{told}");
    let more = [&whole[..], b"x"].concat();
    let told = read(dir.path(), &more).await.unwrap_err().to_string();
    assert!(told.contains("something was added"), "{told}");
}

#[tokio::test]
async fn no_byte_of_an_archive_changes_unnoticed() {
    let dir = tempfile::tempdir().unwrap();
    let whole = archived().await;
    let mut told = BTreeSet::new();
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        let error = read(dir.path(), &altered).await.unwrap_err();
        let kind = error.kind();
        assert!(
            matches!(kind, ErrorKind::Corrupt | ErrorKind::Version),
            "byte {at}: {error}"
        );
        if at >= PREAMBLE {
            told.insert(error.to_string());
        }
    }
    let place = |what: &str| told.iter().any(|error| error.contains(what));
    assert!(place("its header, bytes 48 to"), "{told:#?}");
    assert!(place("part 1 of 3, bytes"), "{told:#?}");
    assert!(place("part 3 of 3, bytes"), "{told:#?}");
}

#[tokio::test]
async fn a_newer_archive_and_a_newer_manifest_ask_for_an_upgrade() {
    let dir = tempfile::tempdir().unwrap();
    let mut newer = archived().await;
    newer[8] = 2;
    let error = read(dir.path(), &newer).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Version, "{error}");
    let mut manifest = reader().0;
    manifest.format = 3;
    let header = ArchiveHeader {
        cluster: cluster(),
        manifest,
    };
    let error = read(dir.path(), &header.encode().unwrap()).await;
    let error = error.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Version, "{error}");
    assert!(error.to_string().contains("upgrade"), "{error}");
}

#[tokio::test]
async fn a_part_that_is_not_what_its_name_says_is_not_exported() {
    let lying = LyingReader(reader());
    let mut out = Vec::new();
    let error = export(&lying, cluster(), &mut out, || {}).await;
    assert_eq!(*error.unwrap_err().kind(), ErrorKind::Corrupt);
}

/// Gives other bytes than the manifest promises.
#[derive(Debug)]
struct LyingReader(TextReader);

#[async_trait]
impl SnapshotReader for LyingReader {
    fn manifest(&self) -> &Manifest {
        self.0.manifest()
    }

    async fn read_part(&self, part: &PartRef) -> Result<Bytes> {
        Ok(Bytes::from(vec![b'x'; usize::try_from(part.size).unwrap()]))
    }
}
