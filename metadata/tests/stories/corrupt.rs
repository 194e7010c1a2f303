use std::borrow::Cow;

use bytes::Bytes;
use standfast_core::{
    BatchBuilder, BatchEnd, Clock, Entry, EntryId, Epoch, ErrorKind, OpType, Seq, SessionId,
};
use standfast_metadata::{
    MetadataConfig, Op, Place, Range, SegmentId, SegmentNumber, Start, Traits,
};

use crate::support::{Caller, Primary, key, placed, segment};

fn with_object() -> (Primary, Caller) {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1000));
    primary.put(&mut client, "done", 100);
    placed(&primary.start(&mut client, "open", 100).outcome);
    primary.pin(&mut client, "pinned", 100);
    primary.seal();
    (primary, client)
}

fn range(offset: u64, length: u64) -> Range {
    Range {
        segment: SegmentNumber(0),
        offset,
        length,
    }
}

fn put_start(offset: u64, size: u64, segment: u32, reserve: Vec<Range>) -> Op {
    Op::PutStart(Start {
        size,
        hold_ms: 0,
        places: vec![Place {
            segment: SegmentNumber(segment),
            offset,
        }],
        reserve,
        traits: Traits::default(),
    })
}

fn remove_many(names: &[&str]) -> Op {
    let object = |name: &&str| (key(name).qualified().to_vec(), 0);
    Op::RemoveMany {
        objects: names.iter().map(object).collect(),
        leased: 0,
        processing: 0,
        next: None,
    }
}

fn upsert(offset: u64, size: u64) -> Op {
    Op::Upsert(Start {
        size,
        hold_ms: 0,
        places: vec![Place {
            segment: SegmentNumber(0),
            offset,
        }],
        reserve: Vec::new(),
        traits: Traits::default(),
    })
}

fn in_place() -> Op {
    Op::UpsertInPlace {
        traits: Traits::default(),
    }
}

fn evict(names: &[&str]) -> Op {
    let bytes = |name: &&str| Bytes::copy_from_slice(key(name).qualified());
    Op::Evict {
        keys: names.iter().map(bytes).collect(),
    }
}

/// Entries that contradict the state after [`with_object`].
fn contradictions() -> Vec<(&'static str, Op)> {
    let mut all = of_objects();
    all.extend(of_segments());
    all
}

fn of_objects() -> Vec<(&'static str, Op)> {
    vec![
        ("new", put_start(0, 100, 0, vec![])),
        ("new", put_start(500, 100, 0, vec![])),
        ("new", put_start(950, 100, 0, vec![range(950, 100)])),
        ("new", put_start(500, 100, 7, vec![])),
        ("new", put_start(u64::MAX, 100, 0, vec![])),
        ("new", put_start(500, 0, 0, vec![range(500, 100)])),
        (
            "new",
            put_start(500, 100, 0, vec![range(500, 60), range(550, 60)]),
        ),
        ("done", put_start(500, 100, 0, vec![range(500, 100)])),
        ("open", put_start(500, 100, 0, vec![range(500, 100)])),
        ("done", Op::PutEnd { checksum: None }),
        ("absent", Op::PutEnd { checksum: None }),
        ("done", Op::PutRevoke { hold_ms: 1 }),
        ("absent", Op::PutRevoke { hold_ms: 1 }),
        ("absent", Op::Remove { hold_ms: 0 }),
        ("", Op::Remove { hold_ms: 0 }),
        ("", remove_many(&["done", "absent"])),
        ("", remove_many(&["done", "open", "done"])),
        ("open", upsert(200, 300)),
        ("absent", upsert(300, 300)),
        ("done", upsert(0, 100)),
        ("done", upsert(500, 100)),
        ("open", in_place()),
        ("absent", in_place()),
        ("", evict(&["done", "done"])),
        ("", evict(&["done", "open"])),
        ("", evict(&["absent"])),
        ("", evict(&["pinned"])),
    ]
}

fn of_segments() -> Vec<(&'static str, Op)> {
    vec![
        (
            "",
            Op::Reserve {
                ranges: vec![range(0, 10)],
            },
        ),
        (
            "",
            Op::Unmount {
                id: SegmentId(9),
                remember_ms: 1,
            },
        ),
        (
            "",
            Op::Mount {
                segment: segment(1, 1000),
                reserved: 0,
            },
        ),
        (
            "",
            Op::Mount {
                segment: segment(2, 10),
                reserved: 11,
            },
        ),
        (
            "",
            Op::Sweep {
                first: 3,
                buckets: 1,
            },
        ),
        (
            "",
            Op::Expire {
                client: standfast_metadata::ClientId(9),
                hold_ms: 0,
                remember_ms: 1,
            },
        ),
    ]
}

#[test]
fn an_entry_that_contradicts_the_state_is_corrupt_and_changes_nothing() {
    let (mut primary, client) = with_object();
    let before = primary.digests();
    for (name, op) in contradictions() {
        let qualified = key(name).qualified().to_vec();
        let entry = Entry {
            seq: primary.machine.applied().next(),
            timestamp_ms: 1,
            op_type: op.op_type(),
            id: EntryId {
                session: client.id.session(),
                ..EntryId::default()
            },
            key: Cow::Owned(if name.is_empty() {
                Vec::new()
            } else {
                qualified
            }),
            payload: Cow::Owned(op.encode()),
        };
        let error = primary.machine.apply(&entry).expect_err("contradicts");
        assert_eq!(*error.kind(), ErrorKind::Corrupt, "{name} {op:?}");
        assert_eq!(primary.digests(), before, "{name} {op:?}");
    }
    let mut client = client;
    primary
        .end(&mut client, "open")
        .outcome
        .expect("all is well");
}

#[test]
fn rule_7_an_entry_that_cannot_be_decoded_stops_the_follower_with_its_seq_and_bytes() {
    let (primary, _) = with_object();
    let mut follower = Primary::follower(MetadataConfig::default(), &Clock::manual());
    for batch in &primary.log {
        follower.apply_batch(batch).unwrap();
    }
    let before = follower.digest();
    for (op_type, payload, kind) in [
        (OpType(20), vec![0xff, 0xee], ErrorKind::Corrupt),
        (OpType(99), vec![0xab, 0xcd], ErrorKind::Version),
    ] {
        let seq = follower.position().seq.next();
        let mut builder = BatchBuilder::new(seq);
        let entry = Entry {
            seq,
            timestamp_ms: 1,
            op_type,
            id: EntryId {
                session: SessionId(1),
                ..EntryId::default()
            },
            key: Cow::Owned(key("x").qualified().to_vec()),
            payload: Cow::Borrowed(&payload),
        };
        builder.push(&entry).unwrap();
        let end = BatchEnd {
            epoch: Epoch(1),
            previous: follower.position(),
            committed: Seq::ZERO,
            digest: None,
        };
        let error = follower
            .apply_batch(&builder.seal(&end).unwrap())
            .unwrap_err();
        assert_eq!(*error.kind(), kind);
        let text = error.to_string();
        assert!(
            text.contains(&seq.to_string()) && text.contains(&format!("{payload:02x?}")),
            "{text}"
        );
        assert_eq!(follower.digest(), before);
    }
}
