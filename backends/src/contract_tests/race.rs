use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::election::ElectionFixture;
use super::oplog::LogFixture;
use super::support::*;
use standfast_core::{BootInstant, Clock, ElectionBackend, Epoch, ErrorKind, OpLogStore};

const ROUNDS: u64 = 40;

/// h16: promotes again and again under ever higher epochs, appends a little in each term, and returns what was
/// acknowledged.
fn promote_again_and_again(store: &dyn OpLogStore, epochs: &AtomicU64, name: u8) -> Vec<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut acknowledged = Vec::new();
        for round in 0..ROUNDS {
            let epoch = epochs.fetch_add(1, Ordering::Relaxed);
            let mut writer = match lead(store, epoch).await {
                Ok(writer) => writer,
                Err(error) => {
                    assert_eq!(*error.kind(), ErrorKind::Fenced, "{error}");
                    continue;
                }
            };
            for n in 0..(round % 5) {
                let payload = format!("{name}/{epoch}/{n}").into_bytes();
                match append(&mut *writer, &payload).await {
                    Ok(_) => acknowledged.push(payload),
                    Err(error) => {
                        assert_eq!(*error.kind(), ErrorKind::Fenced, "{error}");
                        break;
                    }
                }
            }
            if round % 3 == 0 {
                // Fenced or not, a mark harms nobody.
                drop(writer.mark_committed().await);
            }
        }
        acknowledged
    })
}

pub(crate) async fn of_racing_writers_every_acknowledged_entry_stays<F: LogFixture>() {
    let log = F::new().await;
    let epochs = Arc::new(AtomicU64::new(1));
    let racers: Vec<_> = (0..3)
        .map(|name| {
            let (store, epochs) = (log.open(), Arc::clone(&epochs));
            std::thread::spawn(move || promote_again_and_again(&*store, &epochs, name))
        })
        .collect();
    let acknowledged: Vec<_> = racers
        .into_iter()
        .flat_map(|racer| racer.join().unwrap())
        .collect();
    let last = epochs.load(Ordering::Relaxed);
    let mut writer = lead(&*log.open(), last).await.unwrap();
    writer.mark_committed().await.unwrap();
    let found = payloads(&read_all(&*log.open()).await.unwrap());
    for payload in &acknowledged {
        let text = String::from_utf8_lossy(payload);
        assert!(found.contains(payload), "acknowledged {text} is lost");
    }
    assert!(!acknowledged.is_empty(), "nobody ever got to append");
}

/// Everybody's validity, and all epochs granted.
type Believers = Mutex<(Vec<watch::Receiver<BootInstant>>, Vec<Epoch>)>;

/// Wins, checks that nobody else believes, and gives up again.
async fn win_and_leave(election: &dyn ElectionBackend, name: &str, believers: &Believers) {
    let clock = Clock::system();
    for round in 0..15_u64 {
        // Ever other numbers, so that several candidates win different epochs at once.
        let at_least = Epoch(election.epoch().await.unwrap().0 + round % 3);
        let won = election.campaign(&candidate(name), at_least).await;
        let leadership = match won {
            Ok(leadership) => leadership,
            Err(error) => {
                assert_eq!(*error.kind(), ErrorKind::Fenced, "{error}");
                continue;
            }
        };
        {
            let mut believers = believers.lock();
            let now = clock.now();
            let others = believers.0.iter().filter(|until| *until.borrow() > now);
            assert_eq!(
                others.count(),
                0,
                "EL-2: {name} won, another still believes"
            );
            believers.0.push(leadership.validity());
            believers.1.push(leadership.token().epoch);
        }
        tokio::time::sleep(Duration::from_millis(round % 4)).await;
        if round % 2 == 0 {
            leadership.resign(None).await.unwrap();
        }
    }
}

pub(crate) async fn of_racing_candidates_one_at_a_time_believes<F: ElectionFixture>() {
    let fixture = F::new().await;
    let clock = Clock::system();
    let believers = Arc::new(Believers::default());
    let racers: Vec<_> = ["a", "b", "c"]
        .into_iter()
        .map(|name| {
            let (election, believers) = (fixture.open(&clock), Arc::clone(&believers));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(win_and_leave(&*election, name, &believers));
            })
        })
        .collect();
    for racer in racers {
        racer.join().unwrap();
    }
    let mut granted = believers.lock().1.clone();
    assert!(granted.is_sorted(), "EL-1: {granted:?}");
    let count = granted.len();
    granted.dedup();
    assert_eq!(granted.len(), count, "EL-1: granted once");
}
