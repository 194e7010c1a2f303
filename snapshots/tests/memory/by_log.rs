use std::sync::Arc;
use std::time::Duration;

use standfast_core::{ByteSize, Span};
use standfast_snapshots::{Committed, Publisher, SnapshotPolicy, Snapshotter};

use crate::memory_store::MemoryFixture;
use crate::stories::Fixture;
use crate::stories::interposed::{Fault, interpose};
use crate::stories::world::{Change, World, node, small_parts};

/// More log than two batches of a hundred puts, and less than four.
const LIMIT: ByteSize = ByteSize(16 << 10);

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_made_after_so_many_bytes_of_log_and_not_before() {
    let fixture = MemoryFixture::new().await;
    let store = fixture.store();
    let world = World::with_rows(300);
    world.publish(&store).await.unwrap();
    let mut leader = world.cataloguer(&store, 1);
    leader.round().await.unwrap();
    let policy = SnapshotPolicy {
        every: Span::secs(3600),
        every_bytes: LIMIT,
        ..small_parts()
    };
    let publisher = Publisher::new(Arc::clone(&store), node("standby"), policy);
    let machine = Arc::clone(&world.machine);
    let snapshotter = Snapshotter::start(publisher, machine, Committed::Already);

    for (puts, proposals) in [(2, 1), (2, 2), (2, 2), (2, 3)] {
        for _ in 0..puts {
            world.change(&vec![Change::Put(1, 9); 100]);
        }
        // On a clock that stands still while anybody works.
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(store.proposals().await.unwrap().len(), proposals);
    }
    snapshotter.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_not_tried_again_at_once_however_much_log_there_is() {
    let fixture = MemoryFixture::new().await;
    let world = World::with_rows(300);
    let (dead, calls) = interpose(&fixture.store(), Fault::DieBefore(0));
    let policy = SnapshotPolicy {
        every: Span::secs(3600),
        every_bytes: ByteSize(1),
        ..small_parts()
    };
    let publisher = Publisher::new(dead, node("standby"), policy);
    let machine = Arc::clone(&world.machine);
    let snapshotter = Snapshotter::start(publisher, machine, Committed::Already);
    tokio::time::sleep(Duration::from_mins(5)).await;
    // One when it starts, then at most two each half minute: the catalog, and the beginning of an upload.
    assert!((3..=21).contains(&calls.count()), "{}", calls.count());
    snapshotter.shutdown().await;
}
