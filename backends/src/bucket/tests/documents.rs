use std::fs;

use standfast_core::{ATTESTATION_FORMAT, Attestation, Digest, NodeId, Seq, SnapshotId};

use super::support::{after, cluster, listed, manifest, part, token};
use crate::bucket::documents::{Document, Owner, PinDocument, decode, encode};

fn golden<D: Document + PartialEq + std::fmt::Debug>(name: &str, document: &D) {
    let path = format!("{}/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
        fs::write(&path, encode(document)).unwrap();
    }
    let stored = fs::read(&path).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&encode(document)),
        String::from_utf8_lossy(&stored)
    );
    assert_eq!(decode::<D>(name, &stored).unwrap(), *document);
}

#[test]
fn the_golden_documents_are_read_and_written_to_the_byte() {
    let snapshot = manifest(42, 0xfeed, vec![part(3, u64::MAX), part(3, 1)]);
    golden("manifest-v1.json", &snapshot);
    let layered = manifest(43, 0xbeef, vec![part(4, 0xbeef)]).on(snapshot.clone());
    let layered = manifest(44, 7, vec![part(5, 7), part(5, 7)]).on(layered);
    golden("manifest-v2.json", &layered);
    let mut entry = after(None, &token(5));
    entry.number = 4;
    entry.previous = "cd".repeat(32);
    entry.oldest_upload = 2;
    entry.snapshots = vec![listed(&snapshot)];
    entry.retired = vec![SnapshotId::new(Seq(7), 1)];
    golden("catalog-entry-v1.json", &entry);
    let attestation = Attestation {
        format: ATTESTATION_FORMAT,
        cluster: cluster(),
        snapshot: snapshot.id.clone(),
        holder: NodeId::new("standby").unwrap(),
        digest: Digest(42),
    };
    golden("attestation-v1.json", &attestation);
    let pin = PinDocument {
        format: 1,
        cluster: cluster(),
        snapshot: snapshot.id,
        seq: Seq(42),
        holder: "standby-1f".to_owned(),
    };
    golden("pin-v1.json", &pin);
    let owner = Owner {
        format: 1,
        cluster: cluster(),
        claim: None,
    };
    golden("bucket-fingerprint-v1.json", &owner);
    let owner = Owner {
        format: 2,
        claim: Some("5e".repeat(16)),
        ..owner
    };
    golden("bucket-fingerprint-v2.json", &owner);
}
