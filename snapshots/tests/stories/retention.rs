use standfast_core::{SnapshotId, Span};
use standfast_snapshots::{Round, SnapshotPolicy};

use super::Fixture;
use super::world::{Change, World, small_parts};

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
    let floor = leader.trim_through().await.unwrap();
    assert_eq!(floor, Some(second.position.seq));

    fixture.remove_manifest(&third.id);
    let (fourth, round) = world.next_snapshot(&store, &mut leader, 5).await.unwrap();
    assert_eq!(ids(&round), [&second.id, &third.id, &fourth.id]);
    assert_eq!(leader.trim_through().await.unwrap(), floor);
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
