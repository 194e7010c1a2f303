use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use standfast::replay::{Load, Meter, Played, Record, ReplayOptions, TraceRequest, run as play};
use standfast_core::{ByteSize, Clock, Error};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::command::Failure;

/// Clients that write at the same time.
pub(super) const WRITERS: usize = 8;
/// Writes of a request.
pub(super) const TOGETHER: u64 = 16;
/// Requests of a pass; each pass has keys of its own.
const REQUESTS: u64 = 1024;
/// Longest that acknowledgements may stay away.
const PATIENCE: Duration = Duration::from_secs(30);

/// Writers with a record of their own on disk. No key is ever written twice: a write that is lost cannot be hidden by
/// a later one.
pub(super) struct WriteLoad {
    /// When its record began, or a little earlier.
    pub(super) began: Instant,
    pub(super) record: PathBuf,
    stop: watch::Sender<bool>,
    task: JoinSet<Result<Played, Error>>,
    meter: Arc<Meter>,
}

impl WriteLoad {
    /// Starts the load of one run.
    pub(super) fn start(dir: &Path, endpoints: Vec<String>, run: u64) -> Result<Self, Failure> {
        let record = dir.join(format!("acknowledged-{run}"));
        let began = Instant::now();
        let (stop, stopped) = watch::channel(false);
        let meter = Arc::new(Meter::new(Clock::system()));
        let load = Load {
            trace: requests(run).into(),
            options: ReplayOptions {
                clients: WRITERS,
                segments: WRITERS,
                segment_size: ByteSize::mib(1 << 20),
                passes: u64::MAX,
                ..ReplayOptions::new(endpoints)
            },
            record: Arc::new(Record::create(&record, Clock::system())?),
            meter: Arc::clone(&meter),
            stop: stopped,
        };
        let mut task = JoinSet::new();
        task.spawn(play(load));
        Ok(Self {
            began,
            record,
            stop,
            task,
            meter,
        })
    }

    /// Waits until so many more writes were acknowledged.
    pub(super) async fn acknowledged_more(&mut self, count: u64) -> Result<(), Failure> {
        let wanted = self.meter.progress().acknowledged + count;
        let give_up = Instant::now() + PATIENCE;
        let mut looks = tokio::time::interval(Duration::from_millis(1));
        while self.meter.progress().acknowledged < wanted {
            if let Some(ended) = self.task.try_join_next() {
                ended??;
                return Err("the load ended early".into());
            }
            if Instant::now() >= give_up {
                let so_far = self.meter.progress();
                return Err(format!(
                    "{count} more acknowledgements did not come within {PATIENCE:?}: {so_far:?}"
                )
                .into());
            }
            looks.tick().await;
        }
        Ok(())
    }

    /// Ends the load. What it returns keeps the clients alive, and so the objects on the segments they lend.
    pub(super) async fn end(mut self) -> Result<Played, Failure> {
        self.stop.send_replace(true);
        Ok(self.task.join_next().await.ok_or("the load is gone")???)
    }
}

/// Requests whose blocks nobody else asks for, in this run or another.
fn requests(run: u64) -> Vec<TraceRequest> {
    let first = run * REQUESTS * TOGETHER;
    let request = |number: u64| {
        let block = first + number * TOGETHER;
        TraceRequest {
            timestamp: 0,
            input_length: 0,
            output_length: 0,
            hash_ids: (block..block + TOGETHER).collect(),
        }
    };
    (0..REQUESTS).map(request).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_block_is_asked_for_twice() {
        let all = [requests(0), requests(1)].concat();
        let blocks: Vec<_> = all.iter().flat_map(|request| &request.hash_ids).collect();
        let distinct: HashSet<_> = blocks.iter().collect();
        assert_eq!(distinct.len(), blocks.len());
    }
}
