use std::time::Duration;

use standfast_core::{Section, Span};
use standfast_snapshots::SnapshotPolicy;

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
