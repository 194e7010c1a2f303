use standfast_core::{ErrorKind, Position, ReadLimit, Result};

use super::support::{Log, cluster};
use crate::layers::{Fault, Faults, Operation};

const UNAVAILABLE: Fault = Fault::Fail(ErrorKind::Unavailable);

/// Which of the next hundred calls of `usage` fail, with other calls in between where `noise` says so.
async fn failing(faults: &Faults, noise: bool) -> Vec<usize> {
    use crate::layers::Layer;

    let store = faults.oplog(Log::new().await.raw);
    let mut failed = Vec::new();
    for call in 0..100 {
        if noise {
            drop(store.bounds().await);
        }
        if store.usage().await.is_err() {
            failed.push(call);
        }
    }
    failed
}

#[tokio::test]
async fn the_calls_that_a_script_names_fail_and_no_others() {
    let log = Log::new().await;
    log.faulty.usage().await.unwrap();
    // Counted from here.
    log.faults.script(Operation::Usage, 2..=3, UNAVAILABLE);
    let mut told = Vec::new();
    for _ in 0..4 {
        log.faulty.bounds().await.unwrap();
        told.push(log.faulty.usage().await.is_ok());
    }
    assert_eq!(told, [true, false, false, true]);
    assert_eq!(log.faults.calls(Operation::Usage), 5);
    assert_eq!(log.faults.calls(None), 9);
    let hits = log.faults.hits();
    assert_eq!(hits.get(&(Operation::Usage, "fail")), Some(&2));
}

#[tokio::test]
async fn a_script_for_every_operation_counts_all_calls() {
    let log = Log::new().await;
    log.faults.script(None, 2.., UNAVAILABLE);
    log.faulty.bounds().await.unwrap();
    log.faulty.usage().await.unwrap_err();
    log.faulty.probe().await.unwrap_err();
    log.faults.heal();
    log.faulty.probe().await.unwrap();
}

#[tokio::test]
async fn what_a_seed_picks_is_the_same_again_whatever_else_is_called() {
    let plan = |seed| {
        let faults = Faults::seeded(seed);
        faults.rate(Operation::Usage, 200, UNAVAILABLE);
        faults
    };
    let first = failing(&plan(7), false).await;
    assert_eq!(failing(&plan(7), true).await, first);
    assert_ne!(failing(&plan(8), false).await, first);
    assert!((5..45).contains(&first.len()), "{first:?}");
    assert!(format!("{:?}", plan(4711)).contains("seed: 4711"));
}

#[tokio::test]
async fn no_flipped_bit_of_a_batch_is_read_as_good() {
    let log = Log::new().await;
    let filled = log.fill(1).await;
    log.faults.rate(Operation::Read, 1000, Fault::FlipBit);
    for _ in 0..500 {
        let genesis = Position::genesis(cluster());
        let read = log.faulty.read(genesis, ReadLimit::default()).await;
        let error = read.unwrap_err();
        let damage = matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Version);
        assert!(damage, "{error}");
    }
    assert_eq!(log.held().await, filled);
    // Where nothing is read, there is nothing to flip.
    let end = filled[0].end();
    let read = log.faulty.read(end, ReadLimit::default()).await;
    assert_eq!(read.unwrap(), []);
    let hits = log.faults.hits();
    assert_eq!(hits.get(&(Operation::Read, "flip_bit")), Some(&500));
}

#[tokio::test]
async fn a_call_stands_still_until_it_is_released_or_the_faults_are_healed() {
    let log = Log::new().await;
    log.faults.script(Operation::Usage, 1..=3, Fault::Stall);
    let first: Result<_> = {
        let mut call = log.faulty.usage();
        tokio::select! {
            biased;
            _ = &mut call => panic!("it stands still"),
            () = log.faults.stalled() => {}
        }
        log.faults.release();
        call.await
    };
    first.unwrap();
    // A call that is given up stands no longer, and takes no release from another.
    let given_up = log.faulty.usage();
    tokio::select! {
        biased;
        _ = given_up => panic!("it stands still"),
        () = log.faults.stalled() => {}
    }
    log.faults.release();
    let healed = async {
        log.faults.stalled().await;
        log.faults.heal();
    };
    let (third, ()) = tokio::join!(log.faulty.usage(), healed);
    third.unwrap();
}
