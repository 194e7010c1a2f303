use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::Log;
use super::parts::{Guard, append, ensure_contiguous, lead, next};
use super::trial::{Log as Place, LogTrial};
use super::twist::LogTwist;
use crate::batch::Batch;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Failure, Outcome, ensure, ensure_eq};
use crate::conformance::parts::cluster;
use crate::conformance::threads::{beside, join};
use crate::error::{ErrorKind, Result};
use crate::oplog::{OpLogStore, OpLogTail, OpLogWriter, ReadLimit, TailEvent};
use crate::words::{Position, Seq};

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![
        case!(
            h11_a_reader_that_races_trims_misses_nothing_unsaid,
            ["OL-6", "OL-7", "OL-11", "h11"],
            needs [],
            twin GoesOnBehindTheHole
        ),
        case!(
            h11_a_tail_that_races_trims_misses_nothing_unsaid,
            ["OL-6", "OL-7", "OT-1", "h11"],
            needs [],
            twin GoesOnBehindTheHole
        ),
    ]
}

/// Goes on where the log begins now, and says nothing.
struct GoesOnBehindTheHole;

#[async_trait]
impl LogTwist for GoesOnBehindTheHole {
    async fn read(
        &self,
        store: &dyn OpLogStore,
        after: Position,
        limit: ReadLimit,
    ) -> Result<Vec<Batch>> {
        match store.read(after, limit).await {
            Err(error) if trimmed(error.kind()).is_some() => {
                store.read(store.bounds().await?.before_floor, limit).await
            }
            answer => answer,
        }
    }

    async fn tail(&self, store: &dyn OpLogStore, after: Position) -> Result<Box<dyn OpLogTail>> {
        match store.tail(after).await {
            Err(error) if trimmed(error.kind()).is_some() => {
                store.tail(store.bounds().await?.before_floor).await
            }
            answer => answer,
        }
    }
}

fn trimmed(kind: &ErrorKind) -> Option<Seq> {
    match kind {
        ErrorKind::Trimmed { floor } => Some(*floor),
        _ => None,
    }
}

/// How often the leader trims.
const TRIMS: u64 = 30;
/// How many batches it appends in between.
const APPENDS: u64 = 6;
/// How many batches it leaves for those who read.
const LEFT: u64 = 3;

/// Appends and trims what is behind, again and again.
async fn trim_behind(
    store: Arc<dyn OpLogStore>,
    mut writer: Box<dyn OpLogWriter>,
    over: Arc<AtomicBool>,
) -> Outcome<Position> {
    let work = async {
        for _ in 0..TRIMS {
            for _ in 0..APPENDS {
                append(&mut *writer, &[7; 8192]).await?;
            }
            writer.mark_committed().await?;
            let through = Seq(writer.tail().seq.0 - LEFT);
            store.trim(through, &Guard::of(1)).await?;
        }
        Outcome::Ok(writer.tail())
    };
    let done = work.await;
    over.store(true, Ordering::Release);
    done
}

/// How to go over a log.
#[derive(Clone, Copy)]
enum Way {
    Read,
    Tail,
}

/// How a pass over the log ended.
enum Pass {
    /// At its end.
    Whole(Position),
    /// It was told that what comes next is gone.
    Trimmed,
}

/// What was trimmed lies behind `position`; otherwise nothing was missing.
fn ensure_missing(floor: Seq, position: Position) -> Outcome<Pass> {
    ensure!(
        floor > position.seq.next(),
        "told at {position} that it was trimmed, though the floor is {floor}"
    );
    Ok(Pass::Trimmed)
}

async fn read_on(store: &dyn OpLogStore, from: Position) -> Outcome<Pass> {
    let few = ReadLimit {
        batches: 3,
        ..ReadLimit::default()
    };
    let mut position = from;
    loop {
        match store.read(position, few).await {
            Ok(batches) if batches.is_empty() => return Ok(Pass::Whole(position)),
            Ok(batches) => position = ensure_contiguous(&batches, position)?,
            Err(error) => {
                let floor = trimmed(error.kind()).ok_or(error)?;
                return ensure_missing(floor, position);
            }
        }
    }
}

async fn tail_on(store: &dyn OpLogStore, from: Position) -> Outcome<Pass> {
    let mut position = from;
    let mut tail = match store.tail(from).await {
        Ok(tail) => tail,
        Err(error) => {
            let floor = trimmed(error.kind()).ok_or(error)?;
            return ensure_missing(floor, position);
        }
    };
    loop {
        match next(&mut *tail).await? {
            TailEvent::Batches(batches) => position = ensure_contiguous(&batches, position)?,
            TailEvent::CaughtUp { tail } => {
                ensure_eq!(tail, position, "where the tail caught up");
                return Ok(Pass::Whole(position));
            }
            TailEvent::Trimmed { floor } => return ensure_missing(floor, position),
            TailEvent::NewEpoch(epoch) => {
                let text = format!("a new epoch {epoch} that nobody opened");
                return Err(Failure::new(text));
            }
        }
    }
}

/// A log whose leader trims it, and who reads it meanwhile.
struct Race {
    log: Place,
    over: Arc<AtomicBool>,
    leader: std::thread::JoinHandle<Outcome<Position>>,
}

impl Race {
    async fn begin(trial: &LogTrial) -> Outcome<Self> {
        let log = trial.fresh().await?;
        let store = log.open().await?;
        let writer = lead(&*store, 1).await?;
        let over = Arc::<AtomicBool>::default();
        let leader = beside(trim_behind(store, writer, Arc::clone(&over)));
        Ok(Self { log, over, leader })
    }

    /// Goes over the log again and again, always from the same place until that is gone. The last time nobody trims any more.
    async fn run(self, way: Way) -> Outcome {
        let store = self.log.open().await?;
        let mut from = Position::genesis(cluster());
        let mut trimmed = false;
        let end = loop {
            let last = self.over.load(Ordering::Acquire);
            let pass = match way {
                Way::Read => read_on(&*store, from).await?,
                Way::Tail => tail_on(&*store, from).await?,
            };
            match pass {
                Pass::Whole(end) if last => break end,
                Pass::Whole(_) => {}
                Pass::Trimmed => {
                    trimmed = true;
                    from = store.bounds().await?.before_floor;
                }
            }
        };
        let written = join(self.leader)?;
        ensure_eq!(end, written, "the end of what was read");
        ensure!(trimmed, "all was trimmed, and read from the beginning");
        Ok(())
    }
}

async fn h11_a_reader_that_races_trims_misses_nothing_unsaid(trial: &LogTrial) -> Outcome {
    Race::begin(trial).await?.run(Way::Read).await
}

async fn h11_a_tail_that_races_trims_misses_nothing_unsaid(trial: &LogTrial) -> Outcome {
    Race::begin(trial).await?.run(Way::Tail).await
}
