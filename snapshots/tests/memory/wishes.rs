use standfast_core::{CaptureWhen, Captured};
use tokio::sync::oneshot;

use crate::stories::world::{Change, World};

fn wish(world: &World, when: CaptureWhen) -> oneshot::Receiver<Captured> {
    let (reply, captured) = oneshot::channel();
    world.machine.lock().want_capture(when, reply);
    captured
}

#[test]
fn a_wish_is_fulfilled_at_the_first_batch_end_past_4096_entries() {
    let world = World::with_rows(4000);
    let mut wished = wish(&world, CaptureWhen::Milestone);
    world.change(&vec![Change::Count; 90]);
    assert!(wished.try_recv().is_err());
    world.change(&vec![Change::Count; 20]);
    let captured = wished.try_recv().unwrap();
    assert_eq!(captured.position, world.position());
    assert_eq!(
        (captured.position.seq.0, captured.digest),
        (4110, world.digest())
    );
}

#[test]
fn a_wish_for_any_batch_end_is_fulfilled_where_the_state_stands() {
    let world = World::with_rows(10);
    let captured = wish(&world, CaptureWhen::BatchEnd).try_recv().unwrap();
    assert_eq!(captured.position, world.position());
}

#[test]
fn a_wish_waits_for_the_capture_in_progress_and_not_for_the_next_write() {
    let world = World::with_rows(10);
    let first = world.capture();
    let mut wished = wish(&world, CaptureWhen::BatchEnd);
    assert!(wished.try_recv().is_err());
    world.machine.lock().end_capture(first.id);
    assert_eq!(wished.try_recv().unwrap().position, world.position());
}

#[test]
fn a_capture_that_nobody_waits_for_any_more_is_not_begun() {
    let world = World::with_rows(10);
    drop(wish(&world, CaptureWhen::Milestone));
    world.change(&vec![Change::Count; 5000]);
    drop(world.capture());
}

#[test]
fn the_rows_of_a_state_that_was_replaced_are_not_read_under_the_old_name() {
    let (old, new) = (World::with_rows(10), World::with_rows(10));
    let captured = old.capture();
    let other = new.capture();
    assert_ne!(captured.id, other.id);
    let section = standfast_core::Section::GLOBALS;
    let read = new
        .machine
        .lock()
        .read_section(captured.id, section, &mut Vec::new());
    assert_eq!(
        *read.unwrap_err().kind(),
        standfast_core::ErrorKind::Cancelled
    );
    new.machine.lock().end_capture(captured.id);
    new.machine
        .lock()
        .read_section(other.id, section, &mut Vec::new())
        .unwrap();
}
