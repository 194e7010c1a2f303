use standfast_core::{SnapshotId, Span};
use standfast_snapshots::{Round, SnapshotPolicy};

use super::Fixture;
use super::world::{Change, World, small_parts, trimmable};

fn ids(round: &Round) -> Vec<&SnapshotId> {
    round
        .entry
        .snapshots
        .iter()
        .map(|listed| &listed.id)
        .collect()
}

pub(crate) async fn a_young_snapshot_is_kept_beyond_the_count(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(50);
    let mut policy = SnapshotPolicy {
        keep: 1,
        min_verified: 1,
        keep_for: Span::secs(3600),
        ..small_parts()
    };
    let mut by_age = world.cataloguer_by(&store, 1, policy.clone());
    for byte in 2..5 {
        world
            .next_snapshot(&store, &mut by_age, byte)
            .await
            .unwrap();
    }
    assert_eq!(ids(&by_age.round().await.unwrap()).len(), 3);

    policy.keep_for = Span::secs(0);
    let mut by_count = world.cataloguer_by(&store, 2, policy);
    assert_eq!(ids(&by_count.round().await.unwrap()).len(), 1);
}

pub(crate) async fn a_damaged_snapshot_never_pushes_out_one_that_trim_relies_on(
    fixture: &dyn Fixture,
) {
    let store = fixture.store();
    let world = World::with_rows(50);
    let policy = SnapshotPolicy {
        keep: 1,
        min_verified: 2,
        ..small_parts()
    };
    let mut leader = world.cataloguer_by(&store, 1, policy);
    world.next_snapshot(&store, &mut leader, 2).await.unwrap();
    let (second, _) = world.next_snapshot(&store, &mut leader, 3).await.unwrap();
    let (third, round) = world.next_snapshot(&store, &mut leader, 4).await.unwrap();
    assert_eq!(ids(&round), [&second.id, &third.id]);
    let floor = trimmable(&store, &mut leader).await;
    assert_eq!(floor, Some(second.position.seq));

    fixture.remove_manifest(&third.id);
    let (fourth, round) = world.next_snapshot(&store, &mut leader, 5).await.unwrap();
    assert_eq!(ids(&round), [&second.id, &third.id, &fourth.id]);
    assert_eq!(trimmable(&store, &mut leader).await, floor);
}

pub(crate) async fn more_proposals_at_once_than_are_kept_are_no_trouble(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(50);
    let mut made = Vec::new();
    for key in 100..105 {
        world.change(&[Change::Put(key, 1)]);
        made.push(world.publish(&store).await.unwrap().id);
    }
    let mut leader = world.cataloguer(&store, 1);
    assert_eq!(
        ids(&leader.round().await.unwrap()),
        made[2..].iter().collect::<Vec<_>>()
    );
    assert!(!leader.round().await.unwrap().won, "and that was all");
}

pub(crate) async fn pruning_retires_by_other_limits_what_a_trial_said(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(50);
    let mut leader = world.cataloguer(&store, 1);
    let (first, _) = world.next_snapshot(&store, &mut leader, 2).await.unwrap();
    for byte in 3..5 {
        world
            .next_snapshot(&store, &mut leader, byte)
            .await
            .unwrap();
    }
    let limits = (1, Span::secs(0));
    let trial = leader.would_prune(limits.0, limits.1).await.unwrap();
    assert_eq!(ids(&leader.round().await.unwrap()).len(), 3, "only a trial");

    let pruned = leader.prune(limits.0, limits.1).await.unwrap();
    assert_eq!(pruned.retired, trial.retired);
    let [gone] = &pruned.retired[..] else {
        panic!("min_verified keeps two: {pruned:?}");
    };
    assert_eq!((&gone.id, gone.bytes), (&first.id, first.bytes()));
    assert!(pruned.deleted_objects > first.parts.len() as u64);
    assert_eq!(fixture.manifests(), 2);
    assert_eq!(ids(&leader.round().await.unwrap()).len(), 2);
    let again = leader.prune(limits.0, limits.1).await.unwrap();
    assert_eq!((again.retired.len(), again.deleted_objects), (0, 0));
}
