use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use crate::memory_store::MemoryFixture;
use crate::stories::Fixture;
use crate::stories::interposed::{Fault, interpose};
use crate::stories::world::World;

#[tokio::test]
async fn every_metric_moves() {
    let recorder = DebuggingRecorder::new();
    let seen = recorder.snapshotter();
    let _recording = ::metrics::set_default_local_recorder(&recorder);
    let fixture = MemoryFixture::new().await;
    let store = fixture.store();
    let world = World::with_rows(300);
    let mut leader = world.cataloguer(&store, 1);
    for byte in 2..6 {
        world
            .next_snapshot(&store, &mut leader, byte)
            .await
            .unwrap();
    }
    drop(world.restore(&store).await.unwrap());
    let (layer, _) = interpose(&store, Fault::DieBefore(0));
    world.publish(&layer).await.unwrap_err();
    world.restore(&layer).await.unwrap_err();
    world.cataloguer(&layer, 1).round().await.unwrap_err();
    let publisher = world.publisher(&layer);
    let id = leader.round().await.unwrap().entry.snapshots[0].id.clone();
    publisher.prove(&id, || world.empty()).await.unwrap_err();

    let mut moved = std::collections::BTreeMap::new();
    for (key, _, _, value) in seen.snapshot().into_vec() {
        let value = match value {
            DebugValue::Counter(count) => count > 0,
            DebugValue::Gauge(value) => value.into_inner() > 0.0,
            DebugValue::Histogram(values) => !values.is_empty(),
        };
        let labels: Vec<_> = key.key().labels().map(::metrics::Label::value).collect();
        moved.insert(format!("{} {}", key.key().name(), labels.join(" ")), value);
    }
    for name in [
        "published_total ",
        "position_seq ",
        "bytes ",
        "rows ",
        "duration_seconds ",
        "lock_seconds ",
        "proved_total ",
        "prove_duration_seconds ",
        "restores_total ",
        "restored_seq ",
        "restore_duration_seconds ",
        "catalog_number ",
        "listed ",
        "verified_seq ",
        "collected_total ",
        "failures_total publish unavailable",
        "failures_total prove unavailable",
        "failures_total restore unavailable",
        "failures_total catalog unavailable",
    ] {
        let value = moved.get(&format!("standfast_snapshot_{name}"));
        assert_eq!(value, Some(&true), "{name} of {moved:?}");
    }
}
