use std::sync::Arc;

use standfast_core::{
    ClusterId, ErrorKind, Fingerprint, Layer, Manifest, SnapshotId, SnapshotStore,
};
use standfast_snapshots::Restored;

use super::interposed::{Fault, interpose};
use super::world::World;
use super::{Damage, Fixture};

/// A world with two snapshots listed, older and newer, that share no part.
async fn two_snapshots(store: &Arc<dyn SnapshotStore>) -> (World, Manifest, Manifest) {
    let world = World::with_rows(600);
    let mut leader = world.cataloguer(store, 1);
    let (older, _) = world.next_snapshot(store, &mut leader, 2).await.unwrap();
    let (newer, _) = world.next_snapshot(store, &mut leader, 3).await.unwrap();
    (world, older, newer)
}

fn fell_back(restored: &Restored, older: &Manifest, newer: &Manifest) -> String {
    assert_eq!(restored.manifest.id, older.id);
    assert_eq!(restored.machine.digest(), older.digest);
    assert_eq!(restored.damaged.len(), 1);
    assert_eq!(restored.damaged[0].snapshot, newer.id);
    restored.damaged[0].error.to_string()
}

pub(crate) async fn each_damage_names_the_part_and_an_older_snapshot_is_restored(
    fixture: &dyn Fixture,
) {
    let store = fixture.store();
    let (world, older, newer) = two_snapshots(&store).await;
    for damage in [Damage::Remove, Damage::FlipBit, Damage::Truncate] {
        let part = &newer.parts[newer.parts.len() / 2];
        fixture.damage_part(part, damage);
        let restored = world.restore(&store).await.unwrap().unwrap();
        let why = fell_back(&restored, &older, &newer);
        assert!(why.contains(&part.blake3), "{damage:?}: {why}");
        assert!(why.contains(&newer.id.0), "{damage:?}: {why}");
        let error = store.verify(&newer.id).await.unwrap_err();
        assert!(
            error.to_string().contains(&part.blake3),
            "{damage:?}: {error}"
        );
        restored.pin.release().await.unwrap();
        assert_eq!(world.replay(restored.machine), world.digest());
        fixture.repair_part(part);
    }
    let restored = world.restore(&store).await.unwrap().unwrap();
    assert_eq!(restored.manifest.id, newer.id);
}

pub(crate) async fn a_missing_manifest_or_a_foreign_one_falls_back(fixture: &dyn Fixture) {
    let store = fixture.store();
    let (world, older, newer) = two_snapshots(&store).await;
    let foreign = Manifest {
        cluster: Fingerprint::draw(&ClusterId::new("stories").unwrap(), [4; 16]),
        ..newer.clone()
    };
    let other_position = Manifest {
        position: older.position,
        ..newer.clone()
    };
    for wrong in [foreign, other_position] {
        fixture.replace_manifest(&wrong);
        let restored = world.restore(&store).await.unwrap().unwrap();
        fell_back(&restored, &older, &newer);
    }
    fixture.remove_manifest(&newer.id);
    let restored = world.restore(&store).await.unwrap().unwrap();
    fell_back(&restored, &older, &newer);
}

pub(crate) async fn with_every_snapshot_damaged_the_restore_fails_and_says_what_is_missing(
    fixture: &dyn Fixture,
) {
    let store = fixture.store();
    let (world, older, newer) = two_snapshots(&store).await;
    fixture.damage_part(&older.parts[0], Damage::Remove);
    fixture.damage_part(&newer.parts[1], Damage::FlipBit);
    let error = world.restore(&store).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Corrupt);
    let text = error.to_string();
    for name in [
        &older.parts[0].blake3,
        &newer.parts[1].blake3,
        &older.id.0,
        &newer.id.0,
    ] {
        assert!(text.contains(name), "{name} in {text}");
    }
    assert_eq!(
        store.pins().await.unwrap(),
        [],
        "a failed restore holds nothing"
    );
}

pub(crate) async fn a_store_that_does_not_answer_damages_nothing(fixture: &dyn Fixture) {
    let store = fixture.store();
    let (world, _, newer) = two_snapshots(&store).await;
    // Newest, pin, newest, open, the parts: whichever gets no answer, no older snapshot is taken for it.
    for call in 0..4 + newer.parts.len() {
        let (layer, _) = interpose(&store, Fault::Unavailable(call));
        let error = world.restore(&layer).await.unwrap_err();
        assert!(error.retry(), "call {call}: {error}");
    }
    let restored = world.restore(&store).await.unwrap().unwrap();
    assert_eq!(restored.manifest.id, newer.id);
}

pub(crate) async fn a_manifest_whose_layers_do_not_add_up_is_damage(fixture: &dyn Fixture) {
    let store = fixture.store();
    let (world, older, newer) = two_snapshots(&store).await;
    let base = Some(older.id.clone());
    let layer = |id: &SnapshotId, parts| Layer {
        id: id.clone(),
        parts,
    };
    let parts = newer.parts.len();
    for (format, base, layers) in [
        (1, base.clone(), vec![]),
        (1, None, vec![layer(&newer.id, 1)]),
        (2, None, vec![]),
        (2, base.clone(), vec![]),
        (2, base.clone(), vec![layer(&older.id, 1)]),
        (2, base.clone(), vec![layer(&newer.id, parts + 1)]),
        (2, base, vec![layer(&newer.id, 1); 5]),
    ] {
        fixture.replace_manifest(&Manifest {
            format,
            base,
            layers,
            ..newer.clone()
        });
        let restored = world.restore(&store).await.unwrap().unwrap();
        let why = fell_back(&restored, &older, &newer);
        assert!(why.contains("layers of"), "{why}");
    }
}

pub(crate) async fn a_snapshot_of_a_newer_program_is_no_damage_and_says_what_it_needs(
    fixture: &dyn Fixture,
) {
    let store = fixture.store();
    let (world, older, newer) = two_snapshots(&store).await;
    let mut versions = [newer.versions; 2];
    versions[0].lowest_reader = 2;
    versions[1].digest = 2;
    for versions in versions {
        let newer = Manifest {
            versions,
            ..newer.clone()
        };
        fixture.replace_manifest(&newer);
        let restored = world.restore(&store).await.unwrap().unwrap();
        assert_eq!(*restored.damaged[0].error.kind(), ErrorKind::Version);
        let why = fell_back(&restored, &older, &newer);
        assert!(why.contains("version 2"), "{why}");
    }
}

pub(crate) async fn an_empty_catalog_restores_nothing(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(10);
    assert!(world.restore(&store).await.unwrap().is_none());
    world.publish(&store).await.unwrap();
    assert!(
        world.restore(&store).await.unwrap().is_none(),
        "a proposal is no snapshot"
    );
}
