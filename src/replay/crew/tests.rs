use std::collections::HashSet;
use std::path::PathBuf;

use standfast_core::Clock;

use super::*;
use crate::replay::fake_store::FakeStore;
use crate::replay::{
    BatchBy, BlockKey, Meter, Record, Report, Speed, TraceGenerator, TraceRequest,
};

/// A load against a cluster in memory.
struct Played {
    _dir: tempfile::TempDir,
    record: PathBuf,
    report: Report,
}

async fn play(store: FakeStore, batch: BatchBy, clients: usize, speed: Speed) -> Played {
    let (_stopper, stop) = watch::channel(false);
    play_until(store, batch, clients, speed, stop).await
}

async fn play_until(
    store: FakeStore,
    batch: BatchBy,
    clients: usize,
    speed: Speed,
    stop: watch::Receiver<bool>,
) -> Played {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("record");
    let record = Arc::new(Record::create(&path, Clock::system()).unwrap());
    let meter = Arc::new(Meter::new(Clock::system()));
    let players = (0..clients).map(|_| Player {
        store: store.clone(),
        meter: Arc::clone(&meter),
        record: Arc::clone(&record),
        batch,
        block_size: 1,
    });
    meter.start();
    let schedule = Schedule::new(trace().into(), 1, speed);
    let crew = Crew::start(players, schedule, &stop);
    crew.ended(stop).await.unwrap();
    meter.stop();
    Played {
        _dir: dir,
        record: path,
        report: meter.report(),
    }
}

fn trace() -> Vec<TraceRequest> {
    TraceGenerator::new(11).take(200).collect()
}

fn distinct() -> HashSet<BlockKey> {
    let ids = trace().into_iter().flat_map(|request| request.hash_ids);
    ids.map(|id| BlockKey::of(id, 0)).collect()
}

#[tokio::test]
async fn every_block_is_put_once_and_stands_in_the_record() {
    for batch in [BatchBy::Request, BatchBy::Key] {
        let played = play(FakeStore::default(), batch, 3, Speed::Max).await;
        let recorded = Record::read(&played.record).unwrap();
        assert_eq!(recorded.len(), distinct().len());
        let keys: HashSet<_> = recorded.iter().map(|one| one.key).collect();
        assert_eq!(keys, distinct());
        assert_eq!(played.report.acknowledged, keys.len() as u64);
        assert_eq!(played.report.not_acknowledged, 0);
        assert!(played.report.hit_rate > 0.3 && played.report.errors.is_empty());
    }
}

#[tokio::test]
async fn a_block_that_is_refused_is_not_acknowledged_and_the_kind_is_counted() {
    let once = trace()[0].hash_ids.last().copied().unwrap();
    let key = BlockKey::of(once, 0);
    let played = play(
        FakeStore::default().refusing(key),
        BatchBy::Request,
        1,
        Speed::Max,
    )
    .await;
    let recorded = Record::read(&played.record).unwrap();
    assert!(recorded.iter().all(|one| one.key != key));
    assert_eq!(played.report.acknowledged, distinct().len() as u64 - 1);
    let refused = played.report.errors["no_available_handle"];
    assert!(refused >= 1);
    assert_eq!(played.report.not_acknowledged, refused);
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_leaves_nothing_acknowledged() {
    let played = play(
        FakeStore::default().silent(),
        BatchBy::Request,
        2,
        Speed::Max,
    )
    .await;
    assert_eq!(Record::read(&played.record).unwrap(), []);
    assert_eq!(played.report.acknowledged, 0);
    assert_eq!(played.report.errors["unknown"], 200);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_stopped_counts_what_hangs_as_not_acknowledged() {
    let (stopper, stop) = watch::channel(false);
    let store = FakeStore::default().hanging();
    let load = play_until(store, BatchBy::Request, 2, Speed::Max, stop);
    let (played, ()) = tokio::join!(load, async {
        stopper.send_replace(true);
    });
    assert_eq!(played.report.acknowledged, 0);
    // Whether a player had begun when the word came is a race that either may win.
    assert!(played.report.errors.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_trace_at_twice_its_speed_takes_half_its_time() {
    let began = Instant::now();
    let _played = play(FakeStore::default(), BatchBy::Request, 8, Speed::Times(2.0)).await;
    let whole = trace().last().map(|request| request.timestamp).unwrap();
    let took = u64::try_from(began.elapsed().as_millis()).unwrap();
    assert!(took.abs_diff(whole / 2) < 50, "{took} ms of {whole} ms");
}
