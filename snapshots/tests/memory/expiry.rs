use std::time::Duration;

use standfast_core::{Section, SnapshotId, Span, TrimGuard};
use standfast_snapshots::{Committed, SnapshotPolicy};

use crate::memory_store::MemoryFixture;
use crate::stories::Fixture;
use crate::stories::world::{World, small_parts, trimmable};

/// An hour decides, on the leader's own clock, counted from when it first saw a newer entry.
#[tokio::test(start_paused = true)]
async fn an_upload_is_revoked_after_its_expiry_and_not_before() {
    let fixture = MemoryFixture::new().await;
    let store = fixture.store();
    let world = World::with_rows(50);
    let slow = store.begin().await.unwrap();
    let sections = (Section::GLOBALS, Section::GLOBALS);
    slow.put_part("slow".into(), 1, sections).await.unwrap();
    let mut leader = world.cataloguer(&store, 1);
    world.next_snapshot(&store, &mut leader, 2).await.unwrap();

    tokio::time::advance(Duration::from_secs(3500)).await;
    let (_, round) = world.next_snapshot(&store, &mut leader, 3).await.unwrap();
    assert!(round.entry.oldest_upload <= slow.id().began_on);
    tokio::time::advance(Duration::from_secs(200)).await;
    let (_, round) = world.next_snapshot(&store, &mut leader, 4).await.unwrap();
    assert_eq!(round.entry.oldest_upload, slow.id().began_on + 1);
    assert_eq!(round.collected.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_log_is_trimmed_after_its_delay_and_no_further_than_was_possible_then() {
    let fixture = MemoryFixture::new().await;
    let store = fixture.store();
    let world = World::with_rows(50);
    let policy = SnapshotPolicy {
        min_verified: 1,
        trim_delay: Span::secs(600),
        ..small_parts()
    };
    let mut leader = world.cataloguer_by(&store, 1, policy);
    let (first, _) = world.next_snapshot(&store, &mut leader, 2).await.unwrap();
    assert_eq!(trimmable(&store, &mut leader).await, None);
    tokio::time::advance(Duration::from_secs(400)).await;
    let (second, _) = world.next_snapshot(&store, &mut leader, 3).await.unwrap();
    assert_eq!(trimmable(&store, &mut leader).await, None);
    tokio::time::advance(Duration::from_secs(200)).await;
    let through = trimmable(&store, &mut leader).await;
    assert_eq!(through, Some(first.position.seq));
    tokio::time::advance(Duration::from_secs(400)).await;
    let through = trimmable(&store, &mut leader).await;
    assert_eq!(through, Some(second.position.seq));

    fixture.remove_manifest(&second.id);
    let through = trimmable(&store, &mut leader).await;
    assert_eq!(through, Some(first.position.seq), "damaged meanwhile");
}

/// Nothing is written any more, because the log is at its limit: no entry comes that would collect.
#[tokio::test(start_paused = true)]
async fn a_pin_whose_holder_died_lets_the_log_go_without_another_entry() {
    let fixture = MemoryFixture::new().await;
    let store = fixture.store();
    let world = World::with_rows(50);
    let policy = SnapshotPolicy {
        min_verified: 1,
        ..small_parts()
    };
    let mut leader = world.cataloguer_by(&store, 1, policy);
    let (first, _) = world.next_snapshot(&store, &mut leader, 2).await.unwrap();
    let held = first.position.seq;
    store.pin(&first.id, held, "dead").await.unwrap();
    let (second, _) = world.next_snapshot(&store, &mut leader, 3).await.unwrap();
    assert_eq!(trimmable(&store, &mut leader).await, Some(held));
    let guard = leader.guard();
    guard.lowest_needed().await.unwrap();
    assert!(guard.has_held(second.position.seq) && !guard.has_held(held));
    tokio::time::advance(Duration::from_hours(2)).await;
    let through = trimmable(&store, &mut leader).await;
    assert_eq!(through, Some(second.position.seq));
    guard.lowest_needed().await.unwrap();
    assert!(!guard.has_held(second.position.seq));
}

/// The bucket was emptied, and what was uploaded just before came later.
#[tokio::test(start_paused = true)]
async fn a_proposal_of_a_catalog_that_is_lost_is_never_listed() {
    let fixture = MemoryFixture::new().await;
    let store = fixture.store();
    let world = World::with_rows(50);
    let mut leader = world.cataloguer(&store, 1);
    let captured = world.capture();
    let publisher = world.publisher(&store);
    let mut late = publisher
        .publish(captured, &world.machine, Committed::Already)
        .await
        .unwrap();
    late.id = SnapshotId::new(late.position.seq, 7);
    for part in &mut late.parts {
        part.upload.began_on = 50;
    }
    store.propose(&late).await.unwrap();
    let entry = leader.round().await.unwrap().entry;
    assert!(entry.find(&late.id).is_none(), "{entry:#?}");
}
