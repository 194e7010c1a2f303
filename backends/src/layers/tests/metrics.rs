use std::collections::BTreeMap;

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use standfast_core::{ErrorKind, Position};

use super::support::{Log, batch, cluster, token};
use crate::layers::{Fault, Layer, Metrics, Operation};

/// How often each metric was told, by its name and the values of its labels.
fn told(seen: &Snapshotter) -> BTreeMap<String, u64> {
    let all = seen.snapshot().into_vec().into_iter();
    all.map(|(key, _, _, value)| {
        let labels: Vec<_> = key.key().labels().map(metrics::Label::value).collect();
        let count = match value {
            DebugValue::Counter(count) => count,
            DebugValue::Histogram(values) => values.len() as u64,
            DebugValue::Gauge(_) => panic!("no gauges here"),
        };
        (format!("{} {}", key.key().name(), labels.join(" ")), count)
    })
    .collect()
}

#[tokio::test]
async fn calls_are_timed_errors_counted_by_kind_and_waiting_and_appends_left_out() {
    let recorder = DebuggingRecorder::new();
    let seen = recorder.snapshotter();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let log = Log::new().await;
    let measured = Metrics::new("oplog", "memory").oplog(log.faulty);
    let unavailable = Fault::Fail(ErrorKind::Unavailable);
    log.faults.script(Operation::Usage, 2..=3, unavailable);
    for _ in 0..4 {
        drop(measured.usage().await);
    }
    let mut tail = measured.tail(Position::genesis(cluster())).await.unwrap();
    tail.next().await.unwrap();
    let mut writer = measured.open_writer(&token(1)).await.unwrap();
    writer.append(&batch(writer.tail(), 1)).await.unwrap();
    let expected = [
        (
            "standfast_store_errors_total oplog memory usage unavailable",
            2,
        ),
        ("standfast_store_seconds oplog memory open_writer", 1),
        ("standfast_store_seconds oplog memory tail", 1),
        ("standfast_store_seconds oplog memory usage", 4),
    ];
    let expected = expected.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(told(&seen), BTreeMap::from(expected));
}
