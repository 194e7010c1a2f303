use std::sync::Arc;

use tokio::task::JoinSet;

use crate::memory_store::MemoryFixture;
use crate::stories::Fixture;
use crate::stories::interposed::{Fault, interpose};
use crate::stories::world::{World, small_parts};

/// Of a restore: after the newest entry, the pin, the newest entry again, and the manifest.
const FIRST_PART: Fault = Fault::FreezeBefore(4);

#[tokio::test(start_paused = true)]
async fn the_pin_of_a_restore_stays_young_however_long_the_restore_takes() {
    let fixture = MemoryFixture::new().await;
    let store = fixture.store();
    let world = Arc::new(World::with_rows(500));
    let mut leader = world.cataloguer(&store, 1);
    world.next_snapshot(&store, &mut leader, 2).await.unwrap();

    let (slow, calls) = interpose(&store, FIRST_PART);
    let mut restoring = JoinSet::new();
    let restored = Arc::clone(&world);
    restoring.spawn(async move { restored.restore(&slow).await });
    calls.frozen().await;
    let expiry = small_parts().pin_expiry.0;
    for _ in 0..20 {
        tokio::time::advance(expiry / 4).await;
        let pins = store.pins().await.unwrap();
        assert!(pins.len() == 1 && pins[0].age < expiry, "{pins:?}");
    }
    calls.thaw();
    let restored = restoring.join_next().await.unwrap().unwrap();
    assert_eq!(
        restored.unwrap().unwrap().machine.digest(),
        world.digest(),
        "and it comes to its end"
    );
}
