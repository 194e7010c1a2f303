use std::num::NonZeroU64;
use std::time::Duration;

use standfast_core::{Position, ReadLimit};
use tokio::time::Instant;

use super::support::{Log, batch, cluster, token};
use crate::layers::{Layer, Throttle};

#[tokio::test(start_paused = true)]
async fn so_many_calls_pass_in_a_second_and_the_first_at_once() {
    let log = Log::new().await;
    let slow = Throttle::calls(NonZeroU64::new(10).unwrap()).oplog(log.raw);
    let begun = Instant::now();
    for _ in 0..21 {
        slow.usage().await.unwrap();
    }
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
    // Time that nobody used is not saved up.
    tokio::time::advance(Duration::from_mins(1)).await;
    let begun = Instant::now();
    for _ in 0..11 {
        slow.usage().await.unwrap();
    }
    // The turn of a call in its millisecond.
    let took = begun.elapsed();
    assert!((1000..=1001).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_bytes_that_are_written_and_read_take_their_time() {
    let log = Log::new().await;
    let first = batch(Position::genesis(cluster()), 1);
    let bytes = first.frame().len() as u64;
    let slow = Throttle::bytes(NonZeroU64::new(bytes).unwrap()).oplog(log.raw);
    let mut writer = slow.open_writer(&token(1)).await.unwrap();
    let begun = Instant::now();
    writer.append(&first).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let read = slow.read(Position::genesis(cluster()), ReadLimit::default());
    assert_eq!(read.await.unwrap(), [first]);
    assert_eq!(begun.elapsed(), Duration::from_secs(1), "behind the write");
    slow.usage().await.unwrap();
    assert_eq!(begun.elapsed(), Duration::from_secs(2), "behind the read");
}
