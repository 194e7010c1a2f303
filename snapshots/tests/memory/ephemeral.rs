//! The log of mode `snapshot`.

use std::sync::Arc;

use standfast_core::{
    Epoch, ErrorKind, OpLogStore, OpLogWriter, Position, ReadLimit, SnapshotStore, TailEvent,
};
use standfast_snapshots::EphemeralOpLog;

use crate::memory_store::MemoryFixture;
use crate::stories::Fixture;
use crate::stories::world::{Change, World, cluster, token};

fn log(store: &Arc<dyn SnapshotStore>) -> EphemeralOpLog {
    EphemeralOpLog::new(Arc::clone(store))
}

/// The writer of term 1, which has appended all that the state holds.
async fn first_term(log: &EphemeralOpLog, world: &World) -> Box<dyn OpLogWriter> {
    let mut writer = log.open_writer(&token(1, "leader")).await.unwrap();
    assert!(writer.complete(), "nobody has served");
    assert_eq!(writer.tail(), Position::genesis(cluster()));
    let batches = world.log.lock().clone();
    for batch in &batches {
        writer.append(batch).await.unwrap();
    }
    assert_eq!(writer.tail(), world.position());
    writer
}

/// Whether the writer of a later term finds all that was acknowledged, and where it begins.
async fn found(log: &EphemeralOpLog, epoch: u64) -> (bool, Position) {
    let writer = log.open_writer(&token(epoch, "next")).await.unwrap();
    (writer.complete(), writer.tail())
}

#[tokio::test]
async fn a_term_begins_behind_the_newest_snapshot_and_those_before_it_can_list_nothing() {
    let store = MemoryFixture::new().await.store();
    let (world, a, b) = (World::with_rows(300), log(&store), log(&store));
    let writer = first_term(&a, &world).await;
    let mut leader = world.cataloguer(&store, 1);
    let (manifest, _) = world.next_snapshot(&store, &mut leader, 2).await.unwrap();
    world.change(&[Change::Count]);

    let next = found(&b, 2).await;
    assert_eq!(next, (false, manifest.position));
    let late = world.next_snapshot(&store, &mut leader, 3).await;
    assert_eq!(*late.unwrap_err().kind(), ErrorKind::Fenced);
    assert_eq!(b.bounds().await.unwrap().tail, manifest.position);
    let error = a.open_writer(&token(1, "leader")).await.map(drop);
    assert_eq!(*error.unwrap_err().kind(), ErrorKind::Fenced);
    drop(writer.close().await);
    assert!(!found(&b, 3).await.0);
}

#[tokio::test]
async fn a_term_is_complete_when_its_newest_snapshot_holds_all_of_it_and_not_otherwise() {
    for covered in [true, false] {
        let store = MemoryFixture::new().await.store();
        let (world, a, b) = (World::with_rows(300), log(&store), log(&store));
        let mut leader = world.cataloguer(&store, 1);
        if covered {
            let writer = first_term(&a, &world).await;
            world.publish(&store).await.unwrap();
            leader.round().await.unwrap();
            writer.close().await.unwrap();
        } else {
            let writer = first_term(&a, &world).await;
            writer.close().await.unwrap();
        }
        // A round after the end takes nothing back.
        leader.round().await.unwrap();
        assert_eq!(found(&b, 2).await.0, covered);
        // It said nothing of its own, and of the one before it cannot.
        assert!(!found(&b, 3).await.0);
    }
}

#[tokio::test]
async fn a_state_follows_until_a_newer_snapshot_is_listed_and_never_from_another_history() {
    let store = MemoryFixture::new().await.store();
    let (world, a) = (World::with_rows(300), log(&store));
    let _writer = first_term(&a, &world).await;
    let mut leader = world.cataloguer(&store, 1);
    let (first, _) = world.next_snapshot(&store, &mut leader, 2).await.unwrap();
    let mut tail = a.tail(first.position).await.unwrap();
    let caught_up = TailEvent::CaughtUp {
        tail: first.position,
    };
    assert_eq!(tail.next().await.unwrap(), caught_up);
    let (second, _) = world.next_snapshot(&store, &mut leader, 3).await.unwrap();
    let floor = second.position.seq.next();
    assert_eq!(tail.next().await.unwrap(), TailEvent::Trimmed { floor });

    world.change(&[Change::Count]);
    let mut ahead = a.tail(world.position()).await.unwrap();
    let error = ahead.next().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::LogRegressed);
    let mut forked = second.position;
    forked.epoch = Epoch(9);
    let error = a.read(forked, ReadLimit::default()).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::LogRegressed);
    let error = a.begin_at(&token(2, "next"), first.position).await;
    assert!(matches!(
        error.unwrap_err().kind(),
        ErrorKind::Trimmed { .. }
    ));
}
