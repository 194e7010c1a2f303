use std::borrow::Cow;

use super::*;
use crate::batch::{EntryId, OpType};
use crate::words::{Digest, RequestId, SessionId};

fn entry(seq: u64, key: &'static [u8], payload: &'static [u8]) -> Entry<'static> {
    Entry {
        seq: Seq(seq),
        timestamp_ms: 1_000,
        op_type: OpType(16),
        id: EntryId::default(),
        key: Cow::Borrowed(key),
        payload: Cow::Borrowed(payload),
    }
}

fn end() -> BatchEnd {
    BatchEnd {
        epoch: Epoch(3),
        previous: Position::default(),
        committed: Seq(0),
        digest: None,
    }
}

fn many() -> Vec<Entry<'static>> {
    let hex = b"default\x000123456789abcdef0123456789abcdef";
    let mut entries = vec![
        entry(1, b"", b""),
        entry(2, hex, b"p"),
        entry(3, b"default\0plain", b"q"),
        entry(4, b"other\0key", b"r"),
        entry(
            5,
            b"default\x000123456789ABCDEF0123456789ABCDEF",
            b"upper case is not packed",
        ),
    ];
    for (entry, (request, item)) in entries
        .iter_mut()
        .skip(1)
        .zip([(7, 0), (7, 1), (7, 5), (8, 0)])
    {
        entry.id = EntryId {
            session: SessionId(99),
            request: RequestId(request),
            item,
            answered: RequestId(6),
        };
    }
    entries[3].timestamp_ms = 1_007;
    entries[4].timestamp_ms = 1_002;
    entries
}

#[test]
fn a_batch_gives_back_every_entry_it_was_given() {
    let mut builder = BatchBuilder::new(Seq(1));
    for entry in &many() {
        builder.push(entry).unwrap();
    }
    let digest = DigestAt {
        seq: Seq(0),
        digest: Digest(77),
    };
    let batch = builder
        .seal(&BatchEnd {
            digest: Some(digest),
            ..end()
        })
        .unwrap();
    let back: Vec<_> = batch.entries().collect::<Result<_>>().unwrap();
    assert_eq!(back, many());
    assert_eq!(batch.last(), Seq(5));
    assert_eq!(batch.digest_at(), Some(digest));
    assert_eq!(Batch::decode(batch.frame().clone()).unwrap(), batch);
}

#[test]
fn a_flipped_bit_anywhere_is_found() {
    let mut builder = BatchBuilder::new(Seq(1));
    builder.push(&entry(1, b"default\0k", b"payload")).unwrap();
    let batch = builder.seal(&end()).unwrap();
    for at in 0..batch.frame().len() {
        for bit in 0..8 {
            let mut frame = batch.frame().to_vec();
            frame[at] ^= 1 << bit;
            assert!(
                Batch::decode(Bytes::from(frame)).is_err(),
                "bit {bit} of byte {at}"
            );
        }
    }
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let mut builder = BatchBuilder::new(Seq(1));
    builder.push(&entry(1, b"", b"")).unwrap();
    let batch = builder.seal(&end()).unwrap();
    let mut frame = batch.frame().to_vec();
    frame[4] = 2;
    let mut crc = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    crc.update(&frame[..12]);
    crc.update(&frame[16..]);
    frame[12..16].copy_from_slice(&u32::try_from(crc.finalize()).unwrap().to_le_bytes());
    let error = Batch::decode(Bytes::from(frame)).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Version);
    assert!(error.to_string().contains("format 2"), "{error}");
}

#[test]
fn an_empty_batch_is_refused() {
    let error = BatchBuilder::new(Seq(1)).seal(&end()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Invalid);
}

#[test]
fn a_key_over_the_limit_is_refused_and_leaves_the_batch_as_it_was() {
    let mut builder = BatchBuilder::new(Seq(1));
    let mut long = entry(1, b"", b"");
    long.key = Cow::Owned(vec![b'k'; MAX_KEY + 1]);
    assert_eq!(*builder.push(&long).unwrap_err().kind(), ErrorKind::Invalid);
    assert!(builder.is_empty());
    assert_eq!(builder.bytes(), HEADER_LEN);
}

#[test]
fn the_golden_batch_is_read_and_written_to_the_byte() {
    let golden = include_bytes!("../../../golden/batch-v1.bin");
    let mut builder = BatchBuilder::new(Seq(1));
    for entry in &many() {
        builder.push(entry).unwrap();
    }
    let digest = DigestAt {
        seq: Seq(0),
        digest: Digest(77),
    };
    let batch = builder
        .seal(&BatchEnd {
            digest: Some(digest),
            ..end()
        })
        .unwrap();
    if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
        std::fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/golden/batch-v1.bin"),
            batch.frame(),
        )
        .unwrap();
    }
    assert_eq!(batch.frame().as_ref(), golden);
    let back = Batch::decode(Bytes::from_static(golden)).unwrap();
    assert_eq!(back.entries().collect::<Result<Vec<_>>>().unwrap(), many());
}
