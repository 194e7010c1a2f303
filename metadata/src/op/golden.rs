use std::borrow::Cow;

use bytes::Bytes;
use standfast_core::{Bucket, Entry, EntryId, ErrorKind, OpType, Seq};

use super::{Op, Range, Remounting, Start, Transfer};
use crate::key::Target;
use crate::names::{ClientId, SegmentId, SegmentNumber};
use crate::request::{Claim, Cursor, Place, Quota, SegmentInfo, Traits, TransferKind};

fn range(segment: u32, offset: u64, length: u64) -> Range {
    Range {
        segment: SegmentNumber(segment),
        offset,
        length,
    }
}

fn every_op() -> Vec<(&'static str, Op)> {
    let mut ops = of_segments();
    ops.extend(of_objects());
    ops.extend(of_upkeep());
    ops.extend(of_removal());
    ops.push(of_traits());
    let keys = [b"default\0a".as_slice(), b"tenant\0b"].map(Bytes::from_static);
    ops.push((
        "evict",
        Op::Evict {
            keys: keys.to_vec(),
        },
    ));
    ops.extend(of_upserts());
    ops.push(of_remount());
    ops.extend(of_transfers());
    ops.push((
        "graceful-unmount",
        Op::GracefulUnmount {
            id: info().id,
            grace_ms: 30_000,
            dismissed: true,
            remember_ms: 0,
        },
    ));
    ops.extend(of_quotas());
    ops.extend(of_forgetting());
    ops
}

fn info() -> SegmentInfo {
    SegmentInfo {
        id: SegmentId(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10),
        incarnation: 7,
        name: "node-1".to_owned(),
        endpoint: "10.0.0.1:9000".to_owned(),
        base: 0x7f00_0000_0000,
        size: 1 << 30,
        protocol: "rdma".to_owned(),
    }
}

fn of_segments() -> Vec<(&'static str, Op)> {
    let id = info().id;
    vec![
        ("join", Op::Join),
        (
            "mount",
            Op::Mount {
                segment: info(),
                reserved: 10_737_418,
            },
        ),
        ("unmount", Op::Unmount { id, remember_ms: 0 }),
        (
            "expire",
            Op::Expire {
                client: ClientId(9),
                hold_ms: 600_000,
                remember_ms: 0,
            },
        ),
    ]
}

fn of_forgetting() -> Vec<(&'static str, Op)> {
    let (id, remember_ms) = (info().id, 600_000);
    let unmount = Op::Unmount { id, remember_ms };
    let graceful = Op::GracefulUnmount {
        id,
        grace_ms: 30_000,
        dismissed: true,
        remember_ms,
    };
    let expire = Op::Expire {
        client: ClientId(9),
        hold_ms: 30_000,
        remember_ms,
    };
    vec![
        ("unmount-remembering", unmount),
        ("graceful-unmount-remembering", graceful),
        ("expire-remembering", expire),
    ]
}

fn of_objects() -> Vec<(&'static str, Op)> {
    vec![
        (
            "put-start",
            Op::PutStart(Start {
                size: 16_384,
                hold_ms: 0,
                places: vec![Place {
                    segment: SegmentNumber(3),
                    offset: 1 << 20,
                }],
                reserve: Vec::new(),
                traits: Traits::default(),
            }),
        ),
        (
            "put-start-reserving",
            Op::PutStart(Start {
                size: 100,
                hold_ms: 600_000,
                places: vec![
                    Place {
                        segment: SegmentNumber(3),
                        offset: 0,
                    },
                    Place {
                        segment: SegmentNumber(300),
                        offset: 77,
                    },
                ],
                reserve: vec![range(3, 0, 1000), range(300, 77, 5000)],
                traits: Traits::default(),
            }),
        ),
        ("put-end", Op::PutEnd { checksum: None }),
        (
            "put-end-checksum",
            Op::PutEnd {
                checksum: Some(0x1122_3344_5566_7788),
            },
        ),
        ("put-revoke", Op::PutRevoke { hold_ms: 600_000 }),
        ("remove", Op::Remove { hold_ms: 0 }),
    ]
}

fn of_upkeep() -> Vec<(&'static str, Op)> {
    vec![
        (
            "reserve",
            Op::Reserve {
                ranges: vec![range(1, 4096, 65_536)],
            },
        ),
        (
            "retire",
            Op::Retire {
                through: Seq(1_000_000),
                hold_ms: 600_000,
            },
        ),
        ("release", Op::Release),
        (
            "sweep",
            Op::Sweep {
                first: 1023,
                buckets: 16,
            },
        ),
    ]
}

fn of_removal() -> Vec<(&'static str, Op)> {
    let key = |key: &[u8]| key.to_vec();
    vec![
        (
            "remove-many",
            Op::RemoveMany {
                objects: vec![(key(b"default\0a"), 0), (key(b"tenant\0b"), 10_000)],
                leased: 2,
                processing: 300,
                next: Some(Cursor::after(Bucket::at(700), key(b"tenant\0b"))),
            },
        ),
        (
            "remove-many-last",
            Op::RemoveMany {
                objects: vec![(key(b"default\0a"), 0)],
                leased: 0,
                processing: 0,
                next: None,
            },
        ),
    ]
}

fn of_traits() -> (&'static str, Op) {
    let start = Op::PutStart(Start {
        size: 16_384,
        hold_ms: 0,
        places: vec![Place {
            segment: SegmentNumber(3),
            offset: 1 << 20,
        }],
        reserve: vec![range(3, 0, 1000)],
        traits: Traits {
            group: "request-1".to_owned(),
            hard_pin: true,
            soft_pin_ms: 600_000,
        },
    });
    ("put-start-traits", start)
}

fn of_upserts() -> Vec<(&'static str, Op)> {
    let traits = Traits {
        soft_pin_ms: 1000,
        ..Traits::default()
    };
    let upsert = Op::Upsert(Start {
        size: 100,
        hold_ms: 10_000,
        places: vec![Place {
            segment: SegmentNumber(3),
            offset: 0,
        }],
        reserve: vec![range(3, 0, 1000)],
        traits: Traits::default(),
    });
    vec![
        ("upsert", upsert),
        ("upsert-in-place", Op::UpsertInPlace { traits }),
    ]
}

fn of_remount() -> (&'static str, Op) {
    let claim = |tenant: &[u8], checksum, traits| Claim {
        target: Target::new(tenant, b"k"),
        offset: 65_536,
        size: 4096,
        checksum,
        traits,
    };
    let traits = Traits {
        hard_pin: true,
        ..Traits::default()
    };
    let remount = Op::ReMount(Remounting {
        segment: info(),
        last: true,
        hold_ms: 600_000,
        lease_ms: 10_000,
        claims: vec![
            claim(b"", None, Traits::default()),
            claim(b"tenant", Some(0x1122_3344_5566_7788), traits),
        ],
    });
    ("remount", remount)
}

fn of_transfers() -> Vec<(&'static str, Op)> {
    let place = |segment| Place {
        segment: SegmentNumber(segment),
        offset: 65_536,
    };
    let start = |kind, targets, reserve| {
        Op::TransferStart(Transfer {
            kind,
            hold_ms: 600_000,
            source: SegmentNumber(3),
            targets,
            reserve,
        })
    };
    let (kind, hold_ms) = (TransferKind::Move, 10_000);
    let both = vec![place(4), place(300)];
    let copy = start(TransferKind::Copy, both, vec![range(300, 0, 1000)]);
    vec![
        ("copy-start", copy),
        ("move-start", start(kind, vec![place(4)], Vec::new())),
        ("move-end", Op::TransferEnd { kind, hold_ms }),
        ("transfer-revoke", Op::TransferRevoke),
    ]
}

fn of_quotas() -> Vec<(&'static str, Op)> {
    let policy = |bytes, objects| Op::QuotaPolicy {
        tenant: b"tenant".to_vec(),
        quota: Quota { bytes, objects },
    };
    vec![
        ("quota", policy(Some(10 << 30), Some(0))),
        ("quota-objects", policy(None, Some(1000))),
        ("quota-none", policy(None, None)),
    ]
}

fn entry(op_type: OpType, payload: &[u8]) -> Entry<'_> {
    Entry {
        seq: Seq(1),
        timestamp_ms: 0,
        op_type,
        id: EntryId::default(),
        key: Cow::Borrowed(&[]),
        payload: Cow::Borrowed(payload),
    }
}

/// One line an operation: name, op type, payload in hex.
fn lines() -> String {
    let lines: Vec<_> = every_op()
        .iter()
        .map(|(name, op)| {
            let payload = hex::encode(op.encode());
            format!("{name} {} {payload}", op.op_type())
        })
        .collect();
    lines.join("\n") + "\n"
}

#[test]
fn the_golden_operations_are_written_and_read_to_the_byte() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/ops-v1.txt");
    if std::env::var_os("STANDFAST_WRITE_GOLDEN").is_some() {
        std::fs::write(path, lines()).unwrap();
    }
    let golden = include_str!("../../golden/ops-v1.txt");
    assert_eq!(lines(), golden);
    for (line, (name, op)) in golden.lines().zip(every_op()) {
        let fields: Vec<_> = line.split(' ').collect();
        let payload = hex::decode(fields[2]).unwrap();
        let op_type = OpType(fields[1].parse().unwrap());
        assert_eq!(Op::decode(&entry(op_type, &payload)).unwrap(), op, "{name}");
    }
}

#[test]
fn a_payload_that_is_cut_or_too_long_is_corrupt_and_an_unknown_op_type_is_a_version() {
    for (name, op) in every_op() {
        let mut payload = op.encode();
        for cut in 0..payload.len() {
            if name == "put-end-checksum" && cut == 0 {
                continue;
            }
            let error = Op::decode(&entry(op.op_type(), &payload[..cut])).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::Corrupt, "{name} cut at {cut}");
        }
        payload.push(0);
        let error = Op::decode(&entry(op.op_type(), &payload)).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt, "{name}");
    }
    let error = Op::decode(&entry(OpType(200), &[])).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Version);
}

#[test]
fn a_put_of_one_replica_takes_few_bytes() {
    let (_, op) = &every_op()[4];
    assert!(op.encode().len() <= 12, "{} bytes", op.encode().len());
}
