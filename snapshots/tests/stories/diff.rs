use standfast_core::ErrorKind;
use standfast_snapshots::{Change as Became, Difference, diff};

use super::world::{Change, World};
use super::{Damage, Fixture};

pub(crate) async fn every_row_added_removed_or_changed_is_told_and_no_other(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(3_000);
    let older = world.publish(&store).await.unwrap().id;
    world.change(&[Change::Put(3_000, 1), Change::Put(3_001, 1)]);
    world.change(&[Change::Remove(7), Change::Put(8, 2), Change::Put(9, 1)]);
    let newer = world.publish(&store).await.unwrap().id;

    let mut told = Vec::new();
    let each = |became, key: &[u8]| {
        told.push((u16::from_le_bytes(key.try_into().unwrap()), became));
        Ok(())
    };
    let ids = (&older, &newer);
    let counts = diff(&*store, ids, world.empty(), each).await.unwrap();
    let expected = Difference {
        added: 2,
        removed: 1,
        changed: 1,
        same: 2_998,
    };
    assert_eq!(counts, expected);
    told.sort_by_key(|(key, _)| *key);
    let expected = [
        (7, Became::Removed),
        (8, Became::Changed),
        (3_000, Became::Added),
        (3_001, Became::Added),
    ];
    assert_eq!(told, expected);

    let back = (&newer, &older);
    let counts = diff(&*store, back, world.empty(), |_, _| Ok(())).await;
    let counts = counts.unwrap();
    assert_eq!((counts.added, counts.removed, counts.changed), (1, 2, 1));
}

pub(crate) async fn a_comparison_with_a_damaged_snapshot_names_the_part(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(3_000);
    let older = world.publish(&store).await.unwrap();
    world.change(&[Change::Put(1, 2)]);
    let newer = world.publish(&store).await.unwrap();
    for damaged in [&older.parts[0], newer.parts.last().unwrap()] {
        fixture.damage_part(damaged, Damage::FlipBit);
        let ids = (&older.id, &newer.id);
        let error = diff(&*store, ids, world.empty(), |_, _| Ok(())).await;
        let error = error.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains(&damaged.blake3), "{error}");
        fixture.repair_part(damaged);
    }
}

pub(crate) async fn a_service_that_cannot_tell_its_rows_apart_says_so(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::new(false);
    world.change(&[Change::Put(1, 1)]);
    let id = world.publish(&store).await.unwrap().id;
    let error = diff(&*store, (&id, &id), world.empty(), |_, _| Ok(())).await;
    assert_eq!(*error.unwrap_err().kind(), ErrorKind::Unsupported);
}
