use standfast_core::{CaptureId, Machine, Manifest, NodeId, Section, SnapshotId};
use standfast_metadata::Call;

use crate::support::{Caller, Primary, exists, placed, segment};

/// What a capture gives, section by section; `between` runs before each is read.
fn read(primary: &mut Primary, capture: CaptureId, mut between: impl FnMut(&mut Primary)) -> Rows {
    let mut rows = Vec::new();
    let mut count = 0;
    for section in Section::all() {
        between(primary);
        let mut bytes = Vec::new();
        count += primary
            .machine
            .read_section(capture, section, &mut bytes)
            .unwrap();
        rows.push((section, bytes));
    }
    primary.machine.end_capture(capture);
    (rows, count)
}

type Rows = (Vec<(Section, Vec<u8>)>, u64);

pub(crate) fn manifest(primary: &Primary) -> Manifest {
    let machine = &primary.machine;
    Manifest {
        format: 1,
        cluster: machine.cluster(),
        id: SnapshotId::new(machine.position().seq, 1),
        position: machine.position(),
        producer: NodeId::new("a").unwrap(),
        created_ms: 0,
        stamp_ms: machine.stamp_ms(),
        digest: machine.digest(),
        versions: machine.versions(),
        parts: Vec::new(),
        base: None,
        layers: Vec::new(),
    }
}

fn restore(primary: &Primary, manifest: &Manifest, rows: &Rows) -> Machine {
    let mut shadow = primary.machine.begin_restore();
    shadow.load_all(&all(rows)).unwrap();
    shadow.finish(manifest).unwrap()
}

/// The sections at once, as several threads load them.
fn all(rows: &Rows) -> Vec<(Section, &[u8])> {
    let sections = rows.0.iter();
    sections
        .map(|(section, bytes)| (*section, &**bytes))
        .collect()
}

/// What a snapshot of this instant is restored to. All must be committed.
pub(crate) fn restored(primary: &mut Primary) -> Machine {
    let manifest = manifest(primary);
    let capture = primary.machine.capture().unwrap().id;
    let rows = read(primary, capture, |_| {});
    restore(primary, &manifest, &rows)
}

fn busy() -> (Primary, Caller) {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    for n in 1..=3 {
        primary.mount(&mut client, &segment(n, 50_000));
    }
    for n in 0..300 {
        primary.start(&mut client, &format!("k{n}"), 200);
        match n % 10 {
            0 => {}
            1 => {
                primary.revoke(&mut client, &format!("k{n}"));
            }
            2 => {
                primary.remove(&mut client, &format!("k{n}"), true);
            }
            _ => {
                primary.end(&mut client, &format!("k{n}"));
            }
        }
    }
    let call = Call::Unmount(vec![standfast_metadata::SegmentId(3)]);
    primary.one(&mut client, call).outcome.expect("unmounted");
    primary.seal();
    (primary, client)
}

#[test]
fn a_snapshot_is_of_its_instant_whatever_is_applied_while_it_is_read() {
    let (mut primary, mut client) = busy();
    let manifest = manifest(&primary);
    let expected = primary.machine.rows();
    let capture = primary.machine.capture().unwrap().id;
    let mut n = 0;
    let rows = read(&mut primary, capture, |primary| {
        n += 1;
        primary.start(&mut client, &format!("new{n}"), 10);
        primary.end(&mut client, &format!("k{}", n % 300));
        primary.remove(&mut client, &format!("k{}", (n * 7) % 300), true);
        if n % 100 == 0 {
            primary.upkeep();
        }
    });
    assert_eq!(rows.1, expected);
    restore(&primary, &manifest, &rows);
}

/// What changed since the base, section by section; `between` runs before each is read.
fn read_changes(
    primary: &mut Primary,
    capture: CaptureId,
    mut between: impl FnMut(&mut Primary),
) -> Vec<(Section, Vec<u8>)> {
    let mut changes = Vec::new();
    for section in Section::all() {
        between(primary);
        let mut bytes = Vec::new();
        primary
            .machine
            .read_changes(capture, section, &mut bytes)
            .unwrap();
        if !bytes.is_empty() {
            changes.push((section, bytes));
        }
    }
    primary.machine.end_capture(capture);
    changes
}

#[test]
fn the_rows_of_a_base_and_what_changed_since_are_the_state() {
    let (mut primary, mut client) = busy();
    let base = primary.machine.capture().unwrap();
    assert_eq!(base.base, None);
    let rows = read(&mut primary, base.id, |_| {});
    primary.machine.rebase(base.id);
    let mut before = base.position;
    let mut layers = Vec::new();
    for round in 0..4 {
        for n in 0..20 {
            primary.start(&mut client, &format!("new{round}-{n}"), 10);
            primary.remove(&mut client, &format!("new{}-{n}", round - 1), true);
            primary.end(&mut client, &format!("k{}", (n + round * 20) % 300));
            primary.remove(&mut client, &format!("k{}", n * 3 + round), true);
        }
        primary.seal();
        let manifest = manifest(&primary);
        let captured = primary.machine.capture().unwrap();
        let told = captured.base.unwrap();
        assert_eq!(told.position, before);
        assert!((20..1000).contains(&told.changed), "{told:?}");
        before = captured.position;
        let mut n = 0;
        let changes = read_changes(&mut primary, captured.id, |primary| {
            n += 1;
            if n % 20 == 0 {
                primary.start(&mut client, &format!("new{round}-{n}"), 10);
                primary.remove(&mut client, &format!("k{}", n % 300), true);
            }
        });
        primary.machine.rebase(captured.id);
        primary.seal();
        layers.insert(0, changes);

        let mut shadow = primary.machine.begin_restore();
        for (section, changes) in layers.iter().flatten() {
            shadow.load_changes(*section, changes).unwrap();
        }
        shadow.load_all(&all(&rows)).unwrap();
        shadow.finish(&manifest).unwrap();
    }
}

#[test]
fn what_was_restored_goes_on_as_if_nothing_had_been() {
    let (mut primary, mut client) = busy();
    let manifest = manifest(&primary);
    let capture = primary.machine.capture().unwrap().id;
    let rows = read(&mut primary, capture, |_| {});
    let machine = restore(&primary, &manifest, &rows);
    let mut twin = restore(&primary, &manifest, &rows);
    let mut restored = Primary::new().continue_with(machine);
    restored.settle();
    for n in 0..100 {
        let start = restored.start(&mut client, &format!("new{n}"), 100);
        placed(&start.outcome);
        restored.end(&mut client, &format!("new{n}"));
        restored.remove(&mut client, &format!("k{n}"), true);
    }
    restored.pass(700_000);
    restored.settle();
    restored.seal();
    for batch in &restored.log {
        twin.apply_batch(batch).unwrap();
    }
    assert_eq!(twin.digest(), restored.machine.digest());
    assert_eq!(exists(&mut restored, "new1"), exists_in(&mut twin, "new1"));
}

fn exists_in(machine: &mut Machine, name: &str) -> bool {
    let question = standfast_metadata::Question::Exist {
        client: standfast_metadata::ClientId::NONE,
        targets: vec![crate::support::key(name)],
    };
    match *machine.query(&question).0.downcast().unwrap() {
        standfast_metadata::Answer::Exist(exist) => exist[0].clone().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rows_that_are_damaged_or_contradict_each_other_are_not_restored() {
    let (mut primary, _) = busy();
    let manifest = manifest(&primary);
    let capture = primary.machine.capture().unwrap().id;
    let rows = read(&mut primary, capture, |_| {});
    let sections = all(&rows);
    let full = |at: &usize| sections[*at].0.bucket().is_some() && !sections[*at].1.is_empty();
    let first = (0..sections.len()).find(full).unwrap();
    let last = (0..sections.len()).rfind(full).unwrap();
    // Different threads load them.
    for at in [first, last] {
        let (_, bytes) = sections[at];
        let mut cut = sections.clone();
        cut[at].1 = &bytes[..bytes.len() - 1];
        assert!(primary.machine.begin_restore().load_all(&cut).is_err());

        let twice = [bytes, bytes].concat();
        let mut rows_twice = sections.clone();
        rows_twice[at].1 = &twice;
        assert!(
            primary
                .machine
                .begin_restore()
                .load_all(&rows_twice)
                .is_err()
        );

        let mut section_twice = sections.clone();
        section_twice.push(sections[at]);
        assert!(
            primary
                .machine
                .begin_restore()
                .load_all(&section_twice)
                .is_err()
        );

        let mut without_a_bucket = primary.machine.begin_restore();
        let mut others = sections.clone();
        others.remove(at);
        without_a_bucket.load_all(&others).unwrap();
        assert!(without_a_bucket.finish(&manifest).is_err());
    }
}
