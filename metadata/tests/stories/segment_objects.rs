use std::collections::BTreeSet;

use standfast_core::{Refusal, Seq};
use standfast_metadata::{
    Answer, Call, Cursor, ErrorCode, ListSegmentObjects, Placement, Question, SegmentId,
    SegmentObjectPage, SegmentObjectRow, Target, TransferKind, TransferStart,
};

use crate::support::{Answered, Caller, Primary, key, located, segment};

const BASE: u64 = 0x1000_0000;

/// A client that has lent segments 1, 2 and 3.
fn lent() -> (Primary, Caller) {
    let (mut primary, mut caller) = (Primary::new(), Caller::new(1));
    for n in 1..=3 {
        done(&primary.mount(&mut caller, &segment(n, 1 << 40)));
    }
    (primary, caller)
}

fn done(answered: &Answered) {
    answered.outcome.as_ref().expect("done");
}

fn put(
    primary: &mut Primary,
    caller: &mut Caller,
    targets: Vec<Target>,
    replicas: u32,
    preferred: &[&str],
) {
    let start = Call::PutStart {
        objects: targets.iter().map(|target| (target.clone(), 100)).collect(),
        placement: Placement {
            replicas,
            preferred: preferred.iter().map(|name| (*name).to_owned()).collect(),
            ..Placement::default()
        },
    };
    let end = Call::PutEnd(targets.into_iter().map(|target| (target, None)).collect());
    for call in [start, end] {
        primary.call(caller, call).iter().for_each(done);
    }
    primary.seal();
}

fn page(
    primary: &mut Primary,
    of: u128,
    from: Cursor,
    limit: usize,
) -> (Result<SegmentObjectPage, Refusal>, Seq) {
    let question = Question::ListSegmentObjects(ListSegmentObjects {
        segment: SegmentId(of),
        from,
        limit,
    });
    match primary.ask(&question) {
        (Answer::SegmentObjects(page), waits_for) => (page, waits_for),
        (other, _) => panic!("{other:?}"),
    }
}

/// Everything in a segment, in pages.
fn list(primary: &mut Primary, of: u128, limit: usize) -> Vec<SegmentObjectRow> {
    let (mut rows, mut next) = (Vec::new(), Some(Cursor::default()));
    while let Some(from) = next {
        let page = page(primary, of, from, limit).0.expect("mounted");
        assert!(page.objects.len() <= limit);
        rows.extend(page.objects);
        next = page.next;
    }
    rows
}

/// `tenant/key`, sorted.
fn names(rows: &[SegmentObjectRow]) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let name = |row: &SegmentObjectRow| format!("{}/{}", text(&row.tenant), text(&row.key));
    let mut names: Vec<_> = rows.iter().map(name).collect();
    names.sort_unstable();
    names
}

fn not_mounted(primary: &mut Primary, of: u128) -> Seq {
    let (page, waits_for) = page(primary, of, Cursor::default(), 10);
    assert_eq!(
        ErrorCode::of(&page.unwrap_err()),
        ErrorCode::SegmentNotFound
    );
    waits_for
}

#[test]
fn objects_of_every_tenant_are_told_once_with_their_address_whatever_the_page_and_who_leads() {
    let (mut primary, mut caller) = lent();
    let target = |n: u32| match n % 3 {
        0 => Target::new(b"other", format!("{n}").as_bytes()),
        1 => key(&format!("{n:032x}")),
        _ => key(&format!("key-{n}")),
    };
    for (n, name) in [(0, "node-1"), (1000, "node-2")] {
        let targets = (n..n + 1000).map(target).collect();
        put(&mut primary, &mut caller, targets, 1, &[name]);
    }
    let by_many = list(&mut primary, 2, 1000);
    let by_few = list(&mut primary, 2, 7);
    assert_eq!(by_few, by_many);
    primary.change_leader();
    assert_eq!(list(&mut primary, 2, 100), by_many);

    let told: BTreeSet<_> = names(&by_many).into_iter().collect();
    let wanted: BTreeSet<_> = (1000..2000)
        .map(|n| match n % 3 {
            0 => format!("other/{n}"),
            1 => format!("default/{n:032x}"),
            _ => format!("default/key-{n}"),
        })
        .collect();
    assert_eq!(by_many.len(), 1000, "each once");
    assert_eq!(told, wanted);
    let addresses: BTreeSet<_> = by_many.iter().map(|row| row.address).collect();
    assert_eq!(addresses.len(), 1000, "each at its own place");
    assert_eq!(list(&mut primary, 3, 10), []);
}

#[test]
fn an_object_with_several_replicas_is_in_each_of_its_segments_where_it_is_read() {
    let (mut primary, mut caller) = lent();
    let preferred = ["node-1", "node-3"];
    put(&mut primary, &mut caller, vec![key("a")], 2, &preferred);
    let started = primary.one(
        &mut caller,
        Call::PutStart {
            objects: vec![(key("open"), 70)],
            placement: Placement {
                preferred: vec!["node-3".to_owned()],
                ..Placement::default()
            },
        },
    );
    done(&started);
    let (_, _, at) = located(&mut primary, "a").unwrap();
    assert_eq!(at.len(), 2);
    for (id, offset) in at {
        let rows = list(&mut primary, id.0, 10);
        let row = rows.iter().find(|row| row.key == b"a").unwrap();
        assert_eq!((row.size, row.complete), (100, true));
        assert_eq!(row.address, BASE + offset);
    }
    assert_eq!(names(&list(&mut primary, 2, 10)), Vec::<String>::new());
    let rows = list(&mut primary, 3, 10);
    assert_eq!(names(&rows), ["default/a", "default/open"]);
    let open = rows.iter().find(|row| row.key == b"open").unwrap();
    assert_eq!((open.size, open.complete), (70, false));
}

#[test]
fn a_copy_is_told_when_it_has_ended_and_a_move_leaves_its_source() {
    let (mut primary, mut caller) = lent();
    put(&mut primary, &mut caller, vec![key("a")], 1, &["node-1"]);
    let in_each = |primary: &mut Primary| [1, 2, 3].map(|of| list(primary, of, 10).len());
    for (kind, from, to, meanwhile, at_last) in [
        (TransferKind::Copy, 1, 2, [1, 0, 0], [1, 1, 0]),
        (TransferKind::Move, 1, 3, [1, 1, 0], [0, 1, 1]),
    ] {
        let start = Call::TransferStart(TransferStart {
            kind,
            targets: vec![key("a")],
            from: Some(SegmentId(from)),
            to: vec![SegmentId(to)],
        });
        done(&primary.one(&mut caller, start));
        assert_eq!(in_each(&mut primary), meanwhile, "{kind:?} under way");
        let targets = vec![key("a")];
        done(&primary.one(&mut caller, Call::TransferEnd { kind, targets }));
        assert_eq!(in_each(&mut primary), at_last, "{kind:?} ended");
    }
}

#[test]
fn a_segment_is_listed_until_it_is_unmounted_and_begins_empty_when_it_comes_back() {
    let (mut primary, mut caller) = lent();
    let both = ["node-1", "node-2"];
    put(&mut primary, &mut caller, vec![key("a")], 2, &both);
    let grace = Call::GracefulUnmount {
        ids: vec![SegmentId(1)],
        grace_ms: 5000,
        force: false,
    };
    done(&primary.one(&mut caller, grace));
    assert_eq!(names(&list(&mut primary, 1, 10)), ["default/a"]);
    let unmount = Call::Unmount(vec![SegmentId(1)]);
    done(&primary.one(&mut caller, unmount));
    let waits_for = not_mounted(&mut primary, 1);
    assert_eq!(waits_for, primary.machine.applied(), "the unmounting entry");
    assert_eq!(names(&list(&mut primary, 2, 10)), ["default/a"]);
    not_mounted(&mut primary, 9);

    done(&primary.mount(&mut caller, &segment(1, 1 << 40)));
    assert_eq!(list(&mut primary, 1, 10), [], "what lay there is gone");
    assert_eq!(names(&list(&mut primary, 2, 10)), ["default/a"]);
}

#[test]
fn a_page_waits_until_all_it_tells_is_committed() {
    let (mut primary, mut caller) = lent();
    put(&mut primary, &mut caller, vec![key("a")], 3, &[]);
    let (_, waits_for) = page(&mut primary, 1, Cursor::default(), 10);
    assert!(waits_for <= primary.committed());
    primary.put(&mut caller, "open", 100);
    let (_, waits_for) = page(&mut primary, 1, Cursor::default(), 10);
    assert_eq!(waits_for, primary.machine.applied());
    assert!(waits_for > primary.committed());
}
