//! A restore that is slower than the leader is at snapshots and trims.

use std::pin::pin;
use std::sync::Arc;

use standfast_core::{ErrorKind, SnapshotStore};
use standfast_snapshots::Cataloguer;

use super::Fixture;
use super::interposed::{Fault, interpose};
use super::world::World;

/// A world with two snapshots listed, and its leader.
async fn world_of_two(store: &Arc<dyn SnapshotStore>, rows: u16) -> (World, Cataloguer) {
    let world = World::with_rows(rows);
    let mut leader = world.cataloguer(store, 1);
    for byte in 2..4 {
        world.next_snapshot(store, &mut leader, byte).await.unwrap();
    }
    (world, leader)
}

/// One more snapshot, what it retires collected, and the log trimmed behind it.
async fn advance(world: &World, store: &Arc<dyn SnapshotStore>, leader: &mut Cataloguer, byte: u8) {
    let (_, round) = world.next_snapshot(store, leader, byte).await.unwrap();
    round.collected.unwrap();
    world.trim(store, leader).await;
}

pub(crate) async fn a_slow_restore_survives_twenty_snapshots_and_trims(fixture: &dyn Fixture) {
    let store = fixture.store();
    let (world, mut leader) = world_of_two(&store, 2_000).await;
    let chosen = store.newest().await.unwrap().unwrap();
    let chosen = chosen.newest().unwrap().clone();
    let (slow, calls) = interpose(&store, Fault::FreezeFrom(2));
    let restorer = world.restorer(&slow);
    let leading = async {
        for byte in 10..30 {
            calls.frozen().await;
            advance(&world, &store, &mut leader, byte).await;
            calls.thaw();
        }
        calls.thaw_all();
    };
    let (restored, ()) = tokio::join!(restorer.restore(|| world.empty()), leading);

    let restored = restored.unwrap().unwrap();
    assert_eq!(restored.damaged.len(), 0);
    assert_eq!(restored.manifest.id, chosen.id);
    assert_eq!(restored.machine.digest(), chosen.digest);
    assert_eq!(world.floor(), chosen.position.seq.next(), "held by the pin");
    assert_eq!(world.replay(restored.machine), world.digest());
    restored.pin.release().await.unwrap();
    advance(&world, &store, &mut leader, 30).await;
    assert!(world.floor() > chosen.position.seq.next());
    let again = world.restore(&store).await.unwrap().unwrap();
    assert_eq!(world.replay(again.machine), world.digest());
    again.pin.release().await.unwrap();
}

pub(crate) async fn a_restore_whose_pin_is_taken_away_begins_again(fixture: &dyn Fixture) {
    let store = fixture.store();
    // So few that every snapshot is a base.
    let (world, mut leader) = world_of_two(&store, 600).await;
    // After the pin: the look at the catalog, the manifest, the first part, one in the middle.
    for at in [2, 3, 4, 8] {
        let (slow, calls) = interpose(&store, Fault::FreezeBefore(at));
        let restorer = world.restorer(&slow);
        let leading = async {
            calls.frozen().await;
            for pin in store.pins().await.unwrap() {
                store.unpin(&pin.snapshot, &pin.holder).await.unwrap();
            }
            for byte in 10..14 {
                advance(&world, &store, &mut leader, byte).await;
            }
            calls.thaw();
        };
        let (restored, ()) = tokio::join!(restorer.restore(|| world.empty()), leading);

        let restored = restored.unwrap().unwrap();
        let newest = store.newest().await.unwrap().unwrap();
        assert_eq!(restored.manifest.id, newest.newest().unwrap().id, "at {at}");
        assert_eq!(restored.damaged.len(), 0, "retired is not damaged, at {at}");
        assert_eq!(world.replay(restored.machine), world.digest(), "at {at}");
        restored.pin.release().await.unwrap();
    }
}

pub(crate) async fn a_restore_that_is_stopped_takes_its_pin_back(fixture: &dyn Fixture) {
    let store = fixture.store();
    let (world, _leader) = world_of_two(&store, 600).await;
    // The pin, the look at the catalog, the manifest: it stands still before the first part.
    let (slow, calls) = interpose(&store, Fault::FreezeBefore(4));
    let restorer = world.restorer(&slow);
    let stop = pin!(async {
        calls.frozen().await;
        assert_eq!(store.pins().await.unwrap().len(), 1);
    });
    let stopped = restorer.restore_until(|| world.empty(), stop).await;
    assert_eq!(*stopped.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(store.pins().await.unwrap().is_empty());
}
