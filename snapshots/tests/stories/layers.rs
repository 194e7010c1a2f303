//! Incremental snapshots: a base and what changed since.

use std::collections::BTreeSet;
use std::sync::Arc;

use standfast_core::{MOST_LAYERS, Manifest, SnapshotStore};
use standfast_snapshots::{Cataloguer, Difference, SnapshotPolicy, diff};

use super::interrupted::all_listed_restores;
use super::world::{Change, World, small_parts, trimmable};
use super::{Damage, Fixture};

/// Applies the changes, a batch of some after the other, and makes a snapshot that is listed and verified.
async fn snapshot_of(
    world: &World,
    store: &Arc<dyn SnapshotStore>,
    leader: &mut Cataloguer,
    changes: &[Change],
) -> Manifest {
    for chunk in changes.chunks(500) {
        world.change(chunk);
    }
    let manifest = world.publish(store).await.unwrap();
    let round = leader.round().await.unwrap();
    round.collected.unwrap();
    let newest = round.entry.newest().unwrap();
    assert!(newest.id == manifest.id && newest.verified);
    manifest
}

fn puts(keys: std::ops::Range<u16>, byte: u8) -> Vec<Change> {
    keys.map(|key| Change::Put(key, byte)).collect()
}

/// Stored bytes and rows of what a snapshot did not share with an earlier one.
fn own(manifest: &Manifest) -> (u64, u64) {
    let parts = manifest
        .layers
        .first()
        .map_or(manifest.parts.len(), |own| own.parts);
    let own = manifest.parts.iter().take(parts);
    own.fold((0, 0), |(bytes, rows), part| {
        (bytes + part.size, rows + part.rows)
    })
}

pub(crate) async fn a_layer_is_as_large_as_what_changed(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(10_000);
    let mut leader = world.cataloguer(&store, 1);
    let base = snapshot_of(&world, &store, &mut leader, &puts(0..1, 2)).await;
    assert_eq!(base.base, None);
    let mut layers = Vec::new();
    for count in [10, 100, 1000] {
        let changes = puts(0..count, 7);
        let layer = snapshot_of(&world, &store, &mut leader, &changes).await;
        assert_eq!(layer.base.as_ref(), Some(&base.id));
        let (bytes, rows) = own(&layer);
        // Five sessions sent them.
        assert_eq!(rows, u64::from(count) + 5);
        layers.push(bytes);
    }
    let whole = base.bytes();
    assert!(layers[0] < whole / 50, "{layers:?} of {whole}");
    assert!(layers[1] < whole / 20, "{layers:?} of {whole}");
    assert!(layers[2] < whole / 3, "{layers:?} of {whole}");
    assert!(layers.is_sorted(), "{layers:?}");
    all_listed_restores(&world, &store).await;
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn changes(&mut self) -> Vec<Change> {
        let count = self.below(120);
        let mut changes = vec![Change::Count];
        for _ in 0..count {
            let key = u16::try_from(self.below(1_500)).unwrap();
            changes.push(match self.below(3) {
                0 => Change::Remove(key),
                byte => Change::Put(key, u8::try_from(byte).unwrap()),
            });
        }
        changes
    }
}

pub(crate) async fn any_sequence_of_layers_restores_what_was_captured(fixture: &dyn Fixture) {
    let store = fixture.store();
    for seed in 0..3 {
        let mut dice = Dice(seed);
        let world = World::with_rows(1_000);
        // Another history than that of the seed before, which a leader would not list.
        let epoch = 1 + seed;
        let mut leader = world.cataloguer(&store, epoch);
        let start = store.newest().await.unwrap();
        let listed = start.and_then(|entry| Some(entry.newest()?.position.seq));
        while Some(world.position().seq) <= listed {
            world.change(&puts(0..500, 3));
        }
        let mut depths = BTreeSet::new();
        for _ in 0..8 {
            let manifest = snapshot_of(&world, &store, &mut leader, &dice.changes()).await;
            depths.insert(manifest.layers.len());
            let restored = world.restore(&store).await.unwrap().unwrap();
            assert_eq!(restored.manifest.id, manifest.id, "seed {seed}");
            assert_eq!(restored.machine.digest(), world.digest(), "seed {seed}");
            assert_eq!(restored.machine.rows(), world.machine.lock().rows());
            restored.pin.release().await.unwrap();
        }
        assert_eq!(depths.first(), Some(&0), "seed {seed}");
        assert!(depths.len() > 2, "seed {seed}: {depths:?}");
    }
}

pub(crate) async fn after_four_layers_comes_a_base_and_also_when_much_has_changed(
    fixture: &dyn Fixture,
) {
    let store = fixture.store();
    let world = World::with_rows(1_000);
    let mut leader = world.cataloguer(&store, 1);
    let mut depths = Vec::new();
    for byte in 2..9 {
        let manifest = snapshot_of(&world, &store, &mut leader, &puts(0..5, byte)).await;
        depths.push(manifest.layers.len());
    }
    assert_eq!(depths, [0, 1, 2, 3, MOST_LAYERS, 0, 1]);
    let much = snapshot_of(&world, &store, &mut leader, &puts(0..400, 9)).await;
    assert_eq!(much.layers, []);
    // Two changes that are few, and together are not.
    let few = snapshot_of(&world, &store, &mut leader, &puts(0..200, 10)).await;
    assert_eq!(few.layers.len(), 1);
    let many = snapshot_of(&world, &store, &mut leader, &puts(0..200, 11)).await;
    assert_eq!(many.layers, []);
}

pub(crate) async fn a_base_that_is_retired_stays_as_long_as_a_layer_needs_it(
    fixture: &dyn Fixture,
) {
    let store = fixture.store();
    let world = World::with_rows(1_000);
    let policy = SnapshotPolicy {
        keep: 1,
        min_verified: 1,
        ..small_parts()
    };
    let mut leader = world.cataloguer_by(&store, 1, policy);
    let base = snapshot_of(&world, &store, &mut leader, &puts(0..5, 2)).await;
    for byte in 3..3 + 4 {
        let layer = snapshot_of(&world, &store, &mut leader, &puts(0..5, byte)).await;
        let entry = all_listed_restores(&world, &store).await;
        assert_eq!(entry.snapshots.len(), 1);
        assert_eq!(layer.base.as_ref(), Some(&base.id));
        assert_eq!(fixture.parts(), layer.parts.len());
        assert_eq!(fixture.manifests(), 1);
    }
    let next = snapshot_of(&world, &store, &mut leader, &puts(0..5, 7)).await;
    assert_eq!(next.base, None);
    all_listed_restores(&world, &store).await;
    assert_eq!(fixture.parts(), next.parts.len(), "the old base is gone");
}

pub(crate) async fn a_trim_relies_on_two_bases_and_not_on_two_layers_of_one(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(1_000);
    let mut leader = world.cataloguer(&store, 1);
    let mut positions = Vec::new();
    for byte in 2..7 {
        let manifest = snapshot_of(&world, &store, &mut leader, &puts(0..5, byte)).await;
        assert_eq!(trimmable(&store, &mut leader).await, None);
        positions.push(manifest.position.seq);
    }
    let second = snapshot_of(&world, &store, &mut leader, &puts(0..5, 7)).await;
    assert_eq!(second.base, None);
    let through = trimmable(&store, &mut leader).await;
    assert_eq!(
        through,
        Some(positions[4]),
        "to the newest layer of the first"
    );
    // Whatever happens to a part of the newer one, the other restores with the log that is left.
    world.trim(&store, &mut leader).await;
    fixture.damage_part(&second.parts[0], Damage::FlipBit);
    let restored = world.restore(&store).await.unwrap().unwrap();
    assert_eq!(restored.damaged.len(), 1);
    assert_eq!(world.replay(restored.machine), world.digest());
    restored.pin.release().await.unwrap();
}

pub(crate) async fn damage_in_a_base_is_found_and_the_next_snapshot_is_complete(
    fixture: &dyn Fixture,
) {
    let store = fixture.store();
    let world = World::with_rows(1_000);
    let mut leader = world.cataloguer(&store, 1);
    let base = snapshot_of(&world, &store, &mut leader, &puts(0..5, 2)).await;
    fixture.damage_part(&base.parts[0], Damage::FlipBit);
    world.change(&puts(0..5, 3));
    let error = world.publish(&store).await.unwrap_err();
    assert!(error.to_string().contains(&base.parts[0].blake3), "{error}");
    let round = leader.round().await.unwrap();
    let newest = round.entry.newest().unwrap();
    assert!(newest.id != base.id && !newest.verified);
    let next = snapshot_of(&world, &store, &mut leader, &puts(0..5, 4)).await;
    assert_eq!(next.base, None);
    let restored = world.restore(&store).await.unwrap().unwrap();
    assert_eq!(restored.machine.digest(), world.digest());
    restored.pin.release().await.unwrap();
}

pub(crate) async fn a_comparison_looks_through_all_layers(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(1_000);
    let mut leader = world.cataloguer(&store, 1);
    let base = snapshot_of(&world, &store, &mut leader, &puts(0..1, 2)).await;
    let first = [Change::Remove(1), Change::Remove(2), Change::Put(3, 3)];
    let first = snapshot_of(&world, &store, &mut leader, &first).await;
    let second = [Change::Put(2, 5), Change::Put(2_000, 1), Change::Put(3, 1)];
    let second = snapshot_of(&world, &store, &mut leader, &second).await;
    assert_eq!(second.layers.len(), 2);
    let told = |added, removed, changed, same| Difference {
        added,
        removed,
        changed,
        same,
    };
    for (older, newer, expected) in [
        (&base, &first, told(0, 2, 1, 997)),
        (&first, &second, told(2, 0, 1, 997)),
        (&base, &second, told(1, 1, 1, 998)),
    ] {
        let ids = (&older.id, &newer.id);
        let counts = diff(&*store, ids, world.empty(), |_, _| Ok(())).await;
        assert_eq!(counts.unwrap(), expected);
    }
}
