use std::sync::Arc;
use std::time::Duration;

use standfast_core::{Candidate, Clock, ElectionBackend, Epoch, ErrorKind, NodeId, Store};
use tokio::time::Instant;

use super::support::{Log, batch, cluster, token};
use crate::layers::{Fault, Faults, Layer, Operation, Timeout};
use crate::{MemoryElection, MemoryElectionSpace};

const LIMIT: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_read_that_takes_too_long_has_timed_out() {
    let log = Log::new().await;
    let timed = Timeout::new(LIMIT)
        .with(Operation::Bounds, LIMIT * 5)
        .oplog(log.faulty);
    log.faults.script(None, 1..=2, Fault::Stall);
    let begun = Instant::now();
    let error = timed.usage().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Timeout);
    assert_eq!(begun.elapsed(), LIMIT);
    let error = timed.bounds().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Timeout);
    assert_eq!(begun.elapsed(), LIMIT + LIMIT * 5);
}

#[tokio::test(start_paused = true)]
async fn an_append_that_takes_too_long_is_in_doubt_and_poisons_its_writer() {
    let log = Log::new().await;
    let timed = Timeout::new(LIMIT).oplog(log.faulty);
    let mut writer = timed.open_writer(&token(1)).await.unwrap();
    let first = batch(writer.tail(), 1);
    log.faults.script(Operation::Append, 1..=1, Fault::Stall);
    for _ in 0..2 {
        let error = writer.append(&first).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Indeterminate);
    }
    assert_eq!(log.faults.calls(Operation::Append), 1, "poisoned");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_may_be_made_again_is_told_as_its_contract_says() {
    let log = Log::new().await;
    let timed = Timeout::new(LIMIT).oplog(log.faulty);
    log.faults
        .script(Operation::OpenWriter, 1..=1, Fault::Stall);
    let opened = timed.open_writer(&token(1)).await.map(drop);
    assert_eq!(*opened.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_leadership_may_take_as_long_as_it_does() {
    let election = MemoryElection::open(&MemoryElectionSpace::new(), Clock::manual());
    election.init(cluster()).await.unwrap();
    let faults = Faults::seeded(1);
    let stands: Arc<dyn ElectionBackend> = Arc::new(election);
    let timed = Timeout::new(LIMIT).election(faults.election(stands));
    let delay = Fault::Delay(LIMIT * 100);
    faults.script(Operation::Campaign, 1..=1, delay);
    let candidate = Candidate {
        node: NodeId::new("a").unwrap(),
        endpoint: "a:1".to_owned(),
        http: "a:2".to_owned(),
    };
    let won = timed.campaign(&candidate, Epoch::ZERO).await.unwrap();
    assert_eq!(won.token().epoch, Epoch(1));
}
