use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::oplog::LogFixture;
use super::support::*;
use standfast_core::{ErrorKind, OpLogStore};

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
