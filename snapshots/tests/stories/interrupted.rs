//! Processes that die or stand still between any two calls to the store.

use std::sync::Arc;

use standfast_core::{CatalogEntry, Result, SnapshotStore};
use standfast_snapshots::Cataloguer;

use super::Fixture;
use super::interposed::{Fault, interpose};
use super::world::World;

/// Everything that is listed can be read and restored, and with the log gives the live state.
pub(crate) async fn all_listed_restores(
    world: &World,
    store: &Arc<dyn SnapshotStore>,
) -> CatalogEntry {
    let entry = store.newest().await.unwrap().unwrap();
    for listed in &entry.snapshots {
        store.verify(&listed.id).await.unwrap();
    }
    let restored = world.restore(store).await.unwrap().unwrap();
    assert_eq!(
        Some(&restored.manifest.id),
        entry.newest().map(|listed| &listed.id)
    );
    assert_eq!(restored.damaged.len(), 0);
    assert_eq!(restored.machine.digest(), restored.manifest.digest);
    assert_eq!(world.replay(restored.machine), world.digest());
    restored.pin.release().await.unwrap();
    entry
}

pub(crate) async fn whatever_is_listed_restores_after_the_publisher_died_at_any_call(
    fixture: &dyn Fixture,
) {
    let store = fixture.store();
    let world = World::with_rows(400);
    let mut leader = world.cataloguer(&store, 1);
    world.next_snapshot(&store, &mut leader, 2).await.unwrap();
    for fault in [Fault::DieBefore, Fault::DieAfter] {
        for at in 0.. {
            let (layer, calls) = interpose(&store, fault(at));
            world.change(&[super::world::Change::Count]);
            let published = world.publish(&layer).await;
            leader.round().await.unwrap();
            let entry = all_listed_restores(&world, &store).await;
            assert!(entry.snapshots.len() <= 3 + 2);
            if !calls.died() {
                let manifest = published.unwrap();
                assert_eq!(entry.newest().unwrap().id, manifest.id);
                assert!(at > 6, "only {at} calls were cut");
                break;
            }
            published.unwrap_err();
        }
    }
}

pub(crate) async fn the_next_leader_takes_over_after_one_died_at_any_call(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(400);
    let mut epoch = 1;
    let mut leader = world.cataloguer(&store, epoch);
    for byte in 2..5 {
        world
            .next_snapshot(&store, &mut leader, byte)
            .await
            .unwrap();
    }
    for fault in [Fault::DieBefore, Fault::DieAfter] {
        for at in 0.. {
            world.change(&[super::world::Change::Count]);
            let manifest = world.publish(&store).await.unwrap();
            let (layer, calls) = interpose(&store, fault(at));
            epoch += 1;
            let cut: Result<_> = world.cataloguer(&layer, epoch).round().await;
            all_listed_restores(&world, &store).await;
            epoch += 1;
            let round = world.cataloguer(&store, epoch).round().await.unwrap();
            assert_eq!(round.entry.newest().unwrap().id, manifest.id);
            let listed = round.entry.snapshots.len();
            assert!(
                (3..=4).contains(&listed),
                "the newest, and one of another base"
            );
            round.collected.unwrap();
            assert_eq!(
                fixture.manifests(),
                listed,
                "what the dead one left was collected"
            );
            all_listed_restores(&world, &store).await;
            if !calls.died() {
                assert!(cut.unwrap().won && at > 6, "only {at} calls were cut");
                break;
            }
        }
    }
}

/// Publishes until everything that was listed is retired, and collects.
async fn retire_everything(world: &World, store: &Arc<dyn SnapshotStore>, leader: &mut Cataloguer) {
    for byte in 10..14 {
        let (_, round) = world.next_snapshot(store, leader, byte).await.unwrap();
        round.collected.unwrap();
    }
}

pub(crate) async fn a_restore_frozen_at_any_call_survives_collection(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(400);
    let mut leader = world.cataloguer(&store, 1);
    world.next_snapshot(&store, &mut leader, 2).await.unwrap();
    for at in 0.. {
        let (layer, calls) = interpose(&store, Fault::FreezeBefore(at));
        let restorer = world.restorer(&layer);
        let mut restoring = Box::pin(restorer.restore(|| world.empty()));
        let finished = tokio::select! {
            restored = &mut restoring => Some(restored),
            () = calls.frozen() => None,
        };
        let whole = finished.is_some();
        let restored = if let Some(restored) = finished {
            restored
        } else {
            retire_everything(&world, &store, &mut leader).await;
            calls.thaw();
            restoring.await
        };
        let restored = restored.unwrap().unwrap();
        assert_eq!(restored.damaged.len(), 0, "frozen at call {at}");
        assert_eq!(world.replay(restored.machine), world.digest());
        calls.thaw();
        restored.pin.release().await.unwrap();
        if whole {
            assert!(at > 6, "only {at} calls were frozen");
            break;
        }
    }
    assert_eq!(store.pins().await.unwrap(), []);
}

pub(crate) async fn a_collection_frozen_at_any_call_harms_no_restore(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(400);
    let mut leader = world.cataloguer(&store, 1);
    retire_everything(&world, &store, &mut leader).await;
    let mut epoch = 1;
    for at in 0.. {
        world.change(&[super::world::Change::Count]);
        world.publish(&store).await.unwrap();
        let (layer, calls) = interpose(&store, Fault::FreezeBefore(at));
        epoch += 1;
        let mut slow = world.cataloguer(&layer, epoch);
        let mut round = Box::pin(slow.round());
        let whole = tokio::select! {
            round = &mut round => Some(round),
            () = calls.frozen() => None,
        }
        .is_some();
        // A restore begins while the deleter stands still, and another leader goes on meanwhile.
        let (frozen, reading) = interpose(&store, Fault::FreezeBefore(6));
        let restorer = world.restorer(&frozen);
        let mut restoring = Box::pin(restorer.restore(|| world.empty()));
        tokio::select! {
            restored = &mut restoring => panic!("{restored:?}"),
            () = reading.frozen() => {}
        }
        epoch += 1;
        let mut quick = world.cataloguer(&store, epoch);
        retire_everything(&world, &store, &mut quick).await;
        if !whole {
            calls.thaw();
            drop(round.await);
        }
        reading.thaw();
        let restored = restoring.await.unwrap().unwrap();
        assert_eq!(restored.damaged.len(), 0, "deleter frozen at call {at}");
        assert_eq!(world.replay(restored.machine), world.digest());
        restored.pin.release().await.unwrap();
        all_listed_restores(&world, &store).await;
        if whole {
            assert!(at > 6, "only {at} calls were frozen");
            break;
        }
    }
}

pub(crate) async fn a_publisher_frozen_at_any_call_publishes_nothing_that_lacks_a_part(
    fixture: &dyn Fixture,
) {
    let store = fixture.store();
    let world = World::with_rows(400);
    let mut leader = world.cataloguer(&store, 1);
    retire_everything(&world, &store, &mut leader).await;
    for at in 0.. {
        world.change(&[super::world::Change::Count]);
        let (layer, calls) = interpose(&store, Fault::FreezeBefore(at));
        let publisher = world.publisher(&layer);
        let captured = world.capture();
        let publishing = publisher.publish(
            captured,
            &world.machine,
            standfast_snapshots::Committed::Already,
        );
        let mut publishing = Box::pin(publishing);
        let whole = tokio::select! {
            done = &mut publishing => Some(done.unwrap()),
            () = calls.frozen() => None,
        }
        .is_some();
        if whole {
            assert!(at > 4, "only {at} calls were frozen");
            break;
        }
        // Its capture is in progress: a twin goes on publishing what the leader lists.
        let twin = World::new(true);
        for batch in &*world.log.lock() {
            twin.machine.lock().apply_batch(batch).unwrap();
        }
        twin.commit();
        let mut leader = twin.cataloguer(&store, 1 + at as u64);
        retire_everything(&twin, &store, &mut leader).await;
        calls.thaw();
        drop(publishing.await);
        let round = leader.round().await.unwrap();
        for listed in &round.entry.snapshots {
            store.verify(&listed.id).await.unwrap();
        }
        all_listed_restores(&twin, &store).await;
    }
}
