use std::sync::Arc;
use std::time::Duration;

use standfast_core::{ErrorKind, Listed, SnapshotStore, Span};
use standfast_snapshots::{Committed, Publisher, SnapshotPolicy, Snapshotter};

use super::Fixture;
use super::interposed::{Fault, interpose};
use super::world::{Change, World, node, small_parts};

fn start(world: &World, store: &Arc<dyn SnapshotStore>, policy: SnapshotPolicy) -> Snapshotter {
    let publisher = Publisher::new(Arc::clone(store), node("standby"), policy);
    Snapshotter::start(publisher, Arc::clone(&world.machine), Committed::Already)
}

/// Waits until so many proposals are there, while time stands still or flies.
async fn proposals(store: &Arc<dyn SnapshotStore>, count: usize) {
    while store.proposals().await.unwrap().len() < count {
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn a_snapshot_is_made_when_it_is_asked_for(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(300);
    let snapshotter = start(&world, &store, small_parts());
    let manifest = snapshotter.handle().create().await.unwrap();
    assert_eq!(manifest.position, world.position());
    assert_eq!(manifest.digest, world.digest());
    assert!(store.attested(&manifest.id).await.unwrap().is_some());
    let handle = snapshotter.handle();
    snapshotter.shutdown().await;
    assert_eq!(
        *handle.create().await.unwrap_err().kind(),
        ErrorKind::Closed
    );
}

pub(crate) async fn a_snapshot_is_made_by_the_clock_and_by_entries(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(300);
    let policy = SnapshotPolicy {
        every: Span::secs(1),
        ..small_parts()
    };
    let by_clock = start(&world, &store, policy);
    world.change(&[Change::Count]);
    proposals(&store, 1).await;
    by_clock.shutdown().await;

    let mut leader = world.cataloguer(&store, 1);
    leader.round().await.unwrap();
    let policy = SnapshotPolicy {
        every: Span::secs(3600),
        every_entries: 100,
        ..small_parts()
    };
    let by_entries = start(&world, &store, policy);
    let changes = vec![Change::Count; 120];
    world.change(&changes);
    proposals(&store, 2).await;
    by_entries.shutdown().await;
}

pub(crate) async fn nothing_is_made_without_news_or_after_somebody_else(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(300);
    let mut leader = world.cataloguer(&store, 1);
    let (layer, calls) = interpose(&store, Fault::None);
    let policy = SnapshotPolicy {
        every: Span::secs(1),
        ..small_parts()
    };
    // Somebody else's snapshot of all there is was listed before the first one is due.
    world.publish(&store).await.unwrap();
    leader.round().await.unwrap();
    let snapshotter = start(&world, &layer, policy);
    while calls.count() < 3 {
        tokio::task::yield_now().await;
    }
    snapshotter.shutdown().await;
    assert_eq!(store.proposals().await.unwrap().len(), 1);
}

pub(crate) async fn shutting_down_does_not_wait_for_a_store_that_hangs(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(300);
    let (layer, calls) = interpose(&store, Fault::FreezeBefore(3));
    let snapshotter = start(&world, &layer, small_parts());
    let handle = snapshotter.handle();
    let asked = tokio::join!(
        async {
            calls.frozen().await;
            tokio::time::timeout(Duration::from_secs(1), snapshotter.shutdown())
                .await
                .expect("shut down within a second");
        },
        handle.create()
    );
    assert_eq!(*asked.1.unwrap_err().kind(), ErrorKind::Closed);
}

pub(crate) async fn whatever_call_fails_a_last_snapshot_is_proved_or_made_again(
    fixture: &dyn Fixture,
) {
    let store = fixture.store();
    let world = World::with_rows(300);
    let mut leader = world.cataloguer(&store, 1);
    leader.list_twins(true);
    let mut failed = 0;
    for call in 0.. {
        world.change(&[Change::Count]);
        let (interposed, calls) = interpose(&store, Fault::Unavailable(call));
        let snapshotter = start(&world, &interposed, small_parts());
        let mut made = snapshotter.handle().create_now().await;
        if made.is_err() {
            failed += 1;
            made = snapshotter.handle().create_now().await;
        }
        let manifest = made.unwrap();
        assert!(store.attested(&manifest.id).await.unwrap().is_some());
        let entry = leader.round().await.unwrap().entry;
        let good = |at: &Listed| at.verified && at.position == world.position();
        assert!(entry.snapshots.iter().any(good), "call {call}: {entry:?}");
        snapshotter.shutdown().await;
        if calls.count() <= call {
            break;
        }
    }
    assert!(failed > 3, "{failed} calls failed it");
}

pub(crate) async fn the_time_to_the_next_one_counts_from_the_newest_that_is_listed(
    fixture: &dyn Fixture,
) {
    let store = fixture.store();
    let world = World::with_rows(300);
    let mut manifest = world.publish(&store).await.unwrap();
    manifest.created_ms -= 2 * 3600 * 1000;
    fixture.replace_manifest(&manifest);
    world.cataloguer(&store, 1).round().await.unwrap();
    world.change(&[Change::Count]);
    let policy = SnapshotPolicy {
        every: Span::secs(3600),
        ..small_parts()
    };
    let begun = start(&world, &store, policy);
    let made = tokio::time::timeout(Duration::from_secs(30), proposals(&store, 2)).await;
    made.expect("an hour is over: it is due at once");
    begun.shutdown().await;
}
