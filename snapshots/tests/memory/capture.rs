use std::sync::Arc;

use proptest::prelude::*;
use standfast_core::SnapshotStore;
use standfast_snapshots::Committed;

use crate::memory_store::MemorySnapshotStore;
use crate::stories::world::{Change, World, cluster};

fn changes(keys: u16, most: usize) -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        6 => (0..keys, any::<u8>()).prop_map(|(key, byte)| Change::Put(key, byte)),
        3 => (0..keys).prop_map(Change::Remove),
        1 => Just(Change::Count),
    ];
    prop::collection::vec(change, 0..most)
}

proptest! {
    /// Whatever is applied between two parts of a capture, the snapshot is of the stamped Position, and with the log
    /// behind it gives the live state (H12).
    #[test]
    fn a_snapshot_of_a_changing_state_is_of_its_stamped_position(
        before in changes(3000, 3000),
        during in prop::collection::vec(changes(3000, 80), 1..40),
        after in changes(3000, 50),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = Arc::new(World::new(true));
            world.change(&before);
            let memory = MemorySnapshotStore::new(cluster());
            let changing = Arc::clone(&world);
            let rest = parking_lot::Mutex::new(during);
            memory.on_put(move || {
                let next = rest.lock().pop();
                if let Some(changes) = next {
                    changing.change(&changes);
                }
            });
            let store: Arc<dyn SnapshotStore> = Arc::new(memory);
            let captured = world.capture();
            let (position, digest) = (captured.position, captured.digest);
            let publisher = world.publisher(&store);
            let manifest = publisher
                .publish(captured, &world.machine, Committed::Already)
                .await
                .unwrap();
            assert_eq!((manifest.position, manifest.digest), (position, digest));
            publisher.prove(&manifest.id, || world.empty()).await.unwrap();
            world.cataloguer(&store, 1).round().await.unwrap();
            world.change(&after);
            let restored = world.restore(&store).await.unwrap().unwrap();
            assert_eq!(restored.machine.digest(), digest);
            assert_eq!(world.replay(restored.machine), world.digest());
        });
    }
}
