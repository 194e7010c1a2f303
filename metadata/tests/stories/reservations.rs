use std::collections::BTreeMap;

use standfast_core::Seq;
use standfast_metadata::{Call, ErrorCode, Place, Placement};

use crate::support::{Caller, Primary, key, placed, refused, segment};

/// Ranges nobody may be given: those of answers that were sent.
#[derive(Default)]
struct Live(BTreeMap<(u32, u64), u64>);

impl Live {
    fn add(&mut self, size: u64, place: Place) {
        let (segment, offset) = (place.segment.0, place.offset);
        let before = self.0.range(..=(segment, offset)).next_back();
        let behind = self.0.range((segment, offset)..).next();
        if let Some((&(other, at), &length)) = before {
            assert!(
                other != segment || at + length <= offset,
                "overlaps {at}+{length}"
            );
        }
        if let Some((&(other, at), _)) = behind {
            assert!(other != segment || offset + size <= at, "overlaps {at}");
        }
        self.0.insert((segment, offset), size);
    }
}

fn fill(primary: &mut Primary, client: &mut Caller, live: &mut Live, size: u64) -> usize {
    for n in 0.. {
        let start = primary.start(client, &format!("fill-{size}-{n}"), size);
        if start.outcome.is_err() {
            assert_eq!(refused(&start.outcome), ErrorCode::NoAvailableHandle);
            return n;
        }
        let (size, places) = placed(&start.outcome);
        live.add(size, places[0]);
        primary.seal();
    }
    unreachable!("the segment is finite")
}

#[test]
fn an_allocation_that_was_answered_and_lost_is_never_given_to_another() {
    let mut primary = Primary::new();
    let mut writer = Caller::new(1);
    primary.mount(&mut writer, &segment(1, 100_000));
    primary.settle();
    primary.pin(&mut writer, "kept", 100);
    primary.seal();
    let committed = primary.committed();

    // Answered, for what they looked at is committed; then the primary is frozen, before the entries are logged.
    let mut live = Live::default();
    for n in 0..5 {
        let start = primary.start(&mut writer, &format!("lost-{n}"), 100);
        assert!(start.waits_for <= committed, "answered at once");
        let (size, places) = placed(&start.outcome);
        live.add(size, places[0]);
    }
    let mut successor = primary.fail_over();
    let end = successor.end(&mut writer, "lost-0");
    assert_eq!(refused(&end.outcome), ErrorCode::ObjectNotFound);

    // One put comes before the successor's first housekeeping, the rest behind it.
    let start = successor.start(&mut writer, "early", 100);
    let (size, places) = placed(&start.outcome);
    live.add(size, places[0]);
    successor.settle();
    let filled = fill(&mut successor, &mut writer, &mut live, 100);
    assert!(filled > 900, "only {filled} of about 1000 fitted");

    // The writer thaws and starts again: its old range is still nobody's.
    for _ in 0..59 {
        successor.pass(10_000);
        successor.ping(&writer);
        successor.settle();
    }
    assert_eq!(fill(&mut successor, &mut writer, &mut live, 50), 0);

    // After put_start_release no writer of the old term writes any more: the memory is used again.
    successor.pass(10_000);
    successor.ping(&writer);
    successor.settle();
    let mut anew = Live::default();
    assert!(fill(&mut successor, &mut writer, &mut anew, 90) > 0);
}

#[test]
fn quarantine_outlives_a_second_failover() {
    let mut primary = Primary::new();
    let mut writer = Caller::new(1);
    primary.mount(&mut writer, &segment(1, 10_000));
    primary.settle();
    primary.seal();
    let mut live = Live::default();
    let (size, places) = placed(&primary.start(&mut writer, "lost", 100).outcome);
    live.add(size, places[0]);
    let mut second = primary.fail_over();
    second.settle();
    second.seal();
    let mut third = second.fail_over();
    third.settle();
    fill(&mut third, &mut writer, &mut live, 50);
}

#[test]
fn a_put_into_a_range_reserved_with_it_is_answered_when_it_is_committed() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 100_000));
    primary.settle();
    primary.seal();
    let committed = primary.committed();
    let large = primary.start(&mut client, "large", 50_000);
    placed(&large.outcome);
    assert!(large.waits_for > committed);
    assert_eq!(large.waits_for, primary.machine.applied());
}

#[test]
fn one_item_is_one_entry() {
    // Several could be torn apart by a failover, and the session would remember the first one's reply.
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 100_000));
    for n in 0..300 {
        let before = primary.machine.applied();
        let call = Call::PutStart {
            objects: vec![(key(&format!("k{n}")), 300)],
            placement: Placement::default(),
        };
        placed(&primary.one(&mut client, call).outcome);
        assert_eq!(primary.machine.applied(), Seq(before.0 + 1));
    }
}

#[test]
fn a_segment_is_filled_to_the_last_byte_through_its_windows() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 70_000));
    let mut live = Live::default();
    assert_eq!(fill(&mut primary, &mut client, &mut live, 70), 1000);
}
