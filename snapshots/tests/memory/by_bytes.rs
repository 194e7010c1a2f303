use std::sync::Arc;
use std::time::Duration;

use standfast_core::{ByteSize, Span};
use standfast_snapshots::{Committed, Publisher, SnapshotPolicy, Snapshotter};

use crate::memory_store::MemoryFixture;
use crate::stories::Fixture;
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
