use standfast_core::Command;
use standfast_metadata::{
    Answer, Call, ErrorCode, Placement, Question, Quota, SegmentId, SegmentNumber, Target,
    TransferKind, TransferStart,
};

use crate::support::{Answered, Caller, Primary, exists, key, located, placed, refused, segment};

use TransferKind::{Copy, Move};

/// A primary past its time of grace: `a` of 100 bytes in segment 1; segment 2 is empty; client 3 lends nothing.
struct World {
    primary: Primary,
    owner: Caller,
    other: Caller,
    copier: Caller,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            primary: Primary::new(),
            owner: Caller::new(1),
            other: Caller::new(2),
            copier: Caller::new(3),
        };
        let primary = &mut world.primary;
        primary.mount(&mut world.owner, &segment(1, 1000));
        primary.put(&mut world.owner, "a", 100);
        primary.mount(&mut world.other, &segment(2, 1000));
        let join = primary.one(&mut world.copier, Call::Join);
        join.outcome.expect("joined");
        world.live(10);
        world
    }

    /// Seconds go by; everybody but the silent lives.
    fn live_without(&mut self, seconds: u64, silent: Option<u128>) {
        for _ in 0..seconds {
            self.primary.pass(1000);
            for caller in [&self.owner, &self.other, &self.copier] {
                if silent != Some(caller.id.0) {
                    self.primary.ping(caller);
                }
            }
            self.primary.settle();
        }
    }

    fn live(&mut self, seconds: u64) {
        self.live_without(seconds, None);
    }

    fn start(&mut self, kind: TransferKind) -> Answered {
        self.primary.one(&mut self.copier, start(kind, &[2]))
    }

    fn end(&mut self, kind: TransferKind) -> Answered {
        let targets = vec![key("a")];
        let call = Call::TransferEnd { kind, targets };
        self.primary.one(&mut self.copier, call)
    }

    fn revoke(&mut self, kind: TransferKind) -> Answered {
        let targets = vec![key("a")];
        let call = Call::TransferRevoke { kind, targets };
        self.primary.one(&mut self.copier, call)
    }

    /// Ids of the segments where `a` can be read. Leases it.
    fn at(&mut self) -> Vec<u128> {
        let (_, _, at) = located(&mut self.primary, "a").unwrap();
        at.iter().map(|(id, _)| id.0).collect()
    }

    fn unmount(&mut self, id: u128) {
        let call = Call::Unmount(vec![SegmentId(id)]);
        let owner = if id == 1 {
            &mut self.owner
        } else {
            &mut self.other
        };
        self.primary.one(owner, call).outcome.expect("unmounted");
    }

    fn fail_over(&mut self) {
        self.primary.seal();
        self.primary.change_leader();
    }

    /// Bytes of a segment that are allocated or held back.
    fn used(&mut self, id: u128) -> u64 {
        let question = Question::ListSegments {
            from: SegmentNumber(0),
            limit: 10,
        };
        let (Answer::SegmentPage(page), _) = self.primary.ask(&question) else {
            panic!("an answer to another question");
        };
        let mut rows = page.segments.iter();
        rows.find(|row| row.info.id.0 == id).unwrap().used
    }

    /// Whether an object of so many bytes finds room in segment 2 alone.
    fn room(&mut self, size: u64) -> bool {
        let call = Call::PutStart {
            objects: vec![(key("probe"), size)],
            placement: Placement {
                preferred: vec!["node-2".to_owned()],
                ..Placement::default()
            },
        };
        let start = self.primary.one(&mut self.other, call).outcome;
        let fits = start.is_ok_and(|reply| placed(&Ok(reply)).1[0].segment.0 == 1);
        let revoke = self.primary.remove(&mut self.other, "probe", true);
        drop(revoke);
        fits
    }
}

fn start(kind: TransferKind, to: &[u128]) -> Call {
    Call::TransferStart(TransferStart {
        kind,
        targets: vec![key("a")],
        from: None,
        to: to.iter().map(|id| SegmentId(*id)).collect(),
    })
}

fn done(answered: &Answered) {
    answered.outcome.as_ref().expect("done");
}

#[test]
fn a_copy_is_read_from_its_end_on() {
    let mut world = World::new();
    let started = world.start(Copy);
    let (size, places) = placed(&started.outcome);
    let segments: Vec<_> = places.iter().map(|place| place.segment.0).collect();
    assert_eq!((size, segments), (100, vec![0, 1]), "source, target");
    assert_eq!(started.waits_for, world.primary.machine.applied());
    assert_eq!(world.at(), [1]);
    done(&world.end(Copy));
    assert_eq!(world.at(), [1, 2]);
    world.unmount(1);
    assert_eq!(world.at(), [2]);
}

#[test]
fn a_move_drops_the_replica_that_was_read_once_its_readers_are_done() {
    for read in [false, true] {
        let mut world = World::new();
        done(&world.start(Move));
        if read {
            assert_eq!(world.at(), [1]);
        }
        done(&world.end(Move));
        assert_eq!(world.used(1), if read { 100 } else { 0 });
        assert_eq!(world.at(), [2]);
        world.live(11);
        assert_eq!(world.used(1), 0);
    }
}

#[test]
fn after_a_promotion_the_memory_that_a_move_frees_waits_for_one_lease() {
    let mut world = World::new();
    done(&world.start(Move));
    world.fail_over();
    world.primary.settle();
    let before = world.used(1);
    done(&world.end(Move));
    assert_eq!(world.used(1), before, "as if it were read");
    world.live(9);
    assert_eq!(world.used(1), before);
    world.live(2);
    assert_eq!(world.used(1), before - 100);
}

#[test]
fn meanwhile_the_object_is_removed_by_force_only_and_never_evicted() {
    let mut world = World::new();
    done(&world.start(Copy));
    let remove = world.primary.remove(&mut world.other, "a", false);
    assert_eq!(refused(&remove.outcome), ErrorCode::ObjectHasLease);
    let full = world.primary.start(&mut world.other, "b", 1000);
    assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
    world.live(5);
    assert_eq!(world.at(), [1], "an eviction was asked for");
    let remove = world.primary.remove(&mut world.other, "a", true);
    done(&remove);
    let end = world.end(Copy);
    assert_eq!(refused(&end.outcome), ErrorCode::ObjectNotFound);
    world.primary.put(&mut world.owner, "a", 100);
    let end = world.end(Copy);
    assert_eq!(refused(&end.outcome), ErrorCode::InvalidWrite);
}

#[test]
fn an_object_that_is_copied_is_not_written_again_where_it_is() {
    let mut world = World::new();
    done(&world.start(Copy));
    let upsert = Call::UpsertStart {
        objects: vec![(key("a"), 100)],
        placement: Placement::default(),
    };
    let (_, at) = placed(&world.primary.one(&mut world.owner, upsert).outcome);
    assert!((at[0].segment.0, at[0].offset) != (0, 0), "{at:?}");
    done(&world.primary.end(&mut world.owner, "a"));
    let end = world.end(Copy);
    assert_eq!(
        refused(&end.outcome),
        ErrorCode::InvalidWrite,
        "of the old bytes"
    );
}

#[test]
fn a_copy_that_is_given_up_leaves_its_target_to_the_writer_for_a_while() {
    let mut world = World::new();
    done(&world.start(Copy));
    done(&world.revoke(Copy));
    let end = world.end(Copy);
    assert_eq!(refused(&end.outcome), ErrorCode::InvalidWrite);
    assert_eq!(world.at(), [1]);
    assert!(!world.room(1000));
    world.live(601);
    assert!(world.room(1000));
}

#[test]
fn an_abandoned_copy_may_be_replaced_after_put_start_discard_and_is_given_up_after_put_start_release()
 {
    let mut world = World::new();
    done(&world.start(Copy));
    world.live(29);
    let again = world.start(Move);
    assert_eq!(refused(&again.outcome), ErrorCode::ObjectAlreadyExists);
    world.live(1);
    // Another takes its place; the memory of the first is held back.
    done(&world.start(Move));
    let end = world.end(Copy);
    assert_eq!(refused(&end.outcome), ErrorCode::InvalidWrite);
    world.live(600);
    let end = world.end(Move);
    assert_eq!(refused(&end.outcome), ErrorCode::InvalidWrite);
    assert_eq!(world.at(), [1]);
    world.live(601);
    assert!(world.room(1000));
}

#[test]
fn a_copy_protects_its_source_for_as_long_as_it_takes() {
    let mut world = World::new();
    done(&world.start(Copy));
    world.live(590);
    let remove = world.primary.remove(&mut world.other, "a", false);
    assert_eq!(refused(&remove.outcome), ErrorCode::ObjectHasLease);
    let full = world.primary.start(&mut world.other, "b", 1000);
    assert_eq!(refused(&full.outcome), ErrorCode::NoAvailableHandle);
    world.live(5);
    done(&world.end(Copy));
    assert_eq!(world.at(), [1, 2], "an eviction was asked for");
}

#[test]
fn a_copy_that_was_given_up_stops_no_removal() {
    let mut world = World::new();
    done(&world.start(Copy));
    world.live(600);
    done(&world.primary.remove(&mut world.other, "a", false));
    assert!(!world.room(1000), "the copier may still be writing");
}

#[test]
fn when_the_source_is_unmounted_the_copy_is_over() {
    let mut world = World::new();
    done(&world.start(Copy));
    world.unmount(1);
    let end = world.end(Copy);
    assert_eq!(refused(&end.outcome), ErrorCode::ObjectNotFound);
    world.primary.settle();
    assert!(!exists(&mut world.primary, "a"));
    assert!(!world.room(1000), "the copier may still be writing");
}

#[test]
fn when_the_target_is_unmounted_the_object_stays_where_it_was() {
    for kind in [Copy, Move] {
        let mut world = World::new();
        done(&world.start(kind));
        world.unmount(2);
        let end = world.end(kind);
        assert_eq!(refused(&end.outcome), ErrorCode::InvalidWrite);
        assert_eq!(world.at(), [1]);
    }
}

#[test]
fn when_the_client_that_copies_expires_the_copy_is_over() {
    let mut world = World::new();
    done(&world.start(Move));
    world.live_without(12, Some(3));
    assert_eq!(world.at(), [1]);
    let join = world.primary.one(&mut world.copier, Call::Join);
    done(&join);
    let end = world.end(Move);
    assert_eq!(refused(&end.outcome), ErrorCode::InvalidWrite);
    assert!(!world.room(1000), "the copier may still be writing");
}

#[test]
fn when_the_owner_of_the_source_expires_the_copy_is_over() {
    let mut world = World::new();
    done(&world.start(Copy));
    world.live_without(12, Some(1));
    let end = world.end(Copy);
    assert_eq!(refused(&end.outcome), ErrorCode::ObjectNotFound);
    assert!(!world.room(1000), "the copier may still be writing");
}

#[test]
fn a_copy_goes_on_through_a_failover() {
    for kind in [Copy, Move] {
        let mut world = World::new();
        let first = world.start(kind).outcome;
        world.fail_over();
        let again = Command::new(world.copier.header(), 1, start(kind, &[2]));
        assert_eq!(world.primary.propose(&again)[0].outcome, first);
        let remove = world.primary.remove(&mut world.other, "a", false);
        assert_eq!(refused(&remove.outcome), ErrorCode::ObjectHasLease);
        done(&world.end(kind));
        world.fail_over();
        let at: &[u128] = if kind == Copy { &[1, 2] } else { &[2] };
        assert_eq!(world.at(), at);
    }
}

#[test]
fn a_start_that_a_failover_lost_is_no_copy() {
    let mut world = World::new();
    world.primary.seal();
    done(&world.start(Copy));
    world.primary.change_leader();
    let end = world.end(Copy);
    assert_eq!(refused(&end.outcome), ErrorCode::InvalidWrite);
}

#[test]
fn only_the_client_that_copies_ends_it_and_as_what_it_began() {
    let mut world = World::new();
    done(&world.start(Copy));
    let as_move = world.end(Move);
    assert_eq!(refused(&as_move.outcome), ErrorCode::InvalidWrite);
    let end = Call::TransferEnd {
        kind: Copy,
        targets: vec![key("a")],
    };
    let stranger = world.primary.one(&mut world.owner, end);
    assert_eq!(refused(&stranger.outcome), ErrorCode::IllegalClient);
    done(&world.end(Copy));
}

#[test]
fn a_copy_above_the_quota_is_refused_and_a_move_takes_nothing_more() {
    let mut world = World::new();
    let quota = Quota {
        bytes: Some(199),
        objects: None,
    };
    let tenant = Target::new(b"default", b"");
    let set = Call::SetQuota { tenant, quota };
    done(&world.primary.one(&mut world.owner, set));
    let refusal = world.start(Copy).outcome;
    assert_eq!(refused(&refusal), ErrorCode::TenantQuotaExceeded);
    done(&world.start(Move));
}

#[test]
fn a_copy_that_cannot_be_is_refused() {
    let mut world = World::new();
    let cases = [
        (start(Copy, &[]), ErrorCode::InvalidParams),
        (start(Copy, &[1]), ErrorCode::InvalidParams),
        (start(Copy, &[2, 2]), ErrorCode::InvalidParams),
        (start(Move, &[2, 9]), ErrorCode::InvalidParams),
        (start(Copy, &[9]), ErrorCode::SegmentNotFound),
    ];
    for (call, code) in cases {
        let answered = world.primary.one(&mut world.copier, call);
        assert_eq!(refused(&answered.outcome), code);
    }
    let from = Call::TransferStart(TransferStart {
        kind: Copy,
        targets: vec![key("a")],
        from: Some(SegmentId(2)),
        to: vec![SegmentId(2)],
    });
    let answered = world.primary.one(&mut world.copier, from);
    assert_eq!(refused(&answered.outcome), ErrorCode::SegmentNotFound);
    let leaving = Call::GracefulUnmount {
        ids: vec![SegmentId(2)],
        grace_ms: 60_000,
        force: false,
    };
    done(&world.primary.one(&mut world.other, leaving));
    let answered = world.start(Copy);
    assert_eq!(refused(&answered.outcome), ErrorCode::NoAvailableHandle);
}
