//! Parts that arrive with another bit than the bucket holds.

use std::sync::Arc;

use standfast_backends::layers::{Fault, Faults, Layer, Operation};

use crate::bucket::BucketFixture;
use crate::stories::Fixture;
use crate::stories::world::World;

#[tokio::test]
async fn whichever_bit_of_a_part_is_flipped_no_restore_takes_it_for_good() {
    let fixture = BucketFixture::new().await;
    let store = fixture.store();
    let world = World::with_rows(300);
    let mut leader = world.cataloguer(&store, 1);
    let (older, _) = world.next_snapshot(&store, &mut leader, 2).await.unwrap();
    let (newer, _) = world.next_snapshot(&store, &mut leader, 3).await.unwrap();
    for seed in 0..50 {
        let faults = Faults::seeded(seed);
        // One part of the newer snapshot, which is read first.
        let part = seed % newer.parts.len() as u64 + 1;
        faults.script(Operation::ReadPart, part..=part, Fault::FlipBit);
        let faulty = faults.snapshots(Arc::clone(&store));
        let restored = world.restore(&faulty).await.unwrap().unwrap();
        // A frame has a few bits that say nothing about its content.
        let wanted = if restored.damaged.is_empty() {
            &newer
        } else {
            &older
        };
        assert_eq!(restored.manifest.id, wanted.id, "{faults:?}");
        assert_eq!(restored.machine.digest(), wanted.digest, "{faults:?}");
        assert_eq!(world.replay(restored.machine), world.digest(), "{faults:?}");
        restored.pin.release().await.unwrap();
    }
}
