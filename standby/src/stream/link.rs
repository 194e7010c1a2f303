use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use standfast_core::{
    ElectionWatch, Error, ErrorKind, LeaderRecord, Position, ReadLimit, Result, Seq,
};
use tokio::sync::watch;

use super::Stream;
use super::session::Session;

/// First and longest pause before a stream that ended is opened again; each is cut by chance.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// What a node knows of the log that it fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing yet.
    Seeking,
    /// Nobody else leads: the log is what there is.
    Alone,
    /// The log is the primary's up to where it was, and grows.
    Linked,
    /// What comes next is no longer in the primary's log.
    Trimmed { floor: Seq },
    /// It must not go on.
    Failed,
}

/// The end of a link that its tail holds; the link ends with it.
#[derive(Debug)]
pub(super) struct Link {
    phase: watch::Receiver<Phase>,
    known: Arc<Known>,
    /// The thread ends when this is dropped.
    _stop: watch::Sender<()>,
}

/// What both ends know.
#[derive(Debug, Default)]
pub(super) struct Known {
    committed: AtomicU64,
    delivered: AtomicU64,
    failure: Mutex<Option<Error>>,
}

impl Known {
    /// The primary has committed up to here.
    pub(super) fn commit(&self, seq: Seq) {
        self.committed.fetch_max(seq.0, Ordering::AcqRel);
    }

    /// The last entry that was handed out.
    pub(super) fn delivered(&self) -> Seq {
        Seq(self.delivered.load(Ordering::Acquire))
    }
}

impl Link {
    /// Starts the thread that fills the log.
    pub(super) fn start(stream: Stream, after: Position) -> Result<Self> {
        let (phase, phases) = watch::channel(Phase::Seeking);
        let (stop, stopped) = watch::channel(());
        let known = Arc::new(Known::default());
        known.delivered.store(after.seq.0, Ordering::Release);
        let filler = Filler {
            stream,
            after,
            phase,
            known: Arc::clone(&known),
        };
        let runtime = tokio::runtime::Handle::current();
        // The log blocks its caller on the disk, so it has a thread.
        std::thread::Builder::new()
            .name("stream".to_owned())
            .spawn(move || runtime.block_on(filler.run(stopped)))
            .map_err(|source| {
                Error::new(ErrorKind::Unavailable, "follow the primary").source(source)
            })?;
        Ok(Self {
            phase: phases,
            known,
            _stop: stop,
        })
    }

    pub(super) fn phase(&mut self) -> Phase {
        *self.phase.borrow_and_update()
    }

    /// Waits for another phase. Cancel safe.
    pub(super) async fn changed(&mut self) -> Result<()> {
        self.phase.changed().await.map_err(|source| {
            Error::new(ErrorKind::Closed, "follow the primary")
                .context("the thread that follows it is gone")
                .source(source)
        })
    }

    /// The highest entry that a primary is known to have committed.
    pub(super) fn committed(&self) -> Seq {
        Seq(self.known.committed.load(Ordering::Acquire))
    }

    /// What was handed out may be trimmed.
    pub(super) fn delivered(&self, seq: Seq) {
        self.known.delivered.fetch_max(seq.0, Ordering::AcqRel);
    }

    /// Why it failed; told once.
    pub(super) fn failure(&self) -> Option<Error> {
        self.known.failure.lock().take()
    }
}

/// Fills the log from whoever leads.
struct Filler {
    stream: Stream,
    after: Position,
    phase: watch::Sender<Phase>,
    known: Arc<Known>,
}

impl Filler {
    async fn run(self, mut stopped: watch::Receiver<()>) {
        let following = async {
            if let Err(error) = self.follow().await {
                *self.known.failure.lock() = Some(error);
                self.phase.send_replace(Phase::Failed);
                std::future::pending::<()>().await;
            }
        };
        // What is on its way is dropped between two batches, or in one: then nobody was told that it is stored.
        tokio::select! {
            _ = stopped.changed() => {}
            () = following => {}
        }
    }

    /// Returns when it must not go on.
    async fn follow(&self) -> Result<()> {
        let mut leaders = self.observe().await?;
        let mut leader = None;
        let mut heard = false;
        loop {
            let mut next = leaders.next();
            let record = tokio::select! {
                record = &mut next => record,
                ended = self.attend(leader.as_ref(), heard) => return ended,
            };
            drop(next);
            match record {
                Ok(record) => (leader, heard) = (record, true),
                Err(error) if error.retry() => {
                    tracing::debug!(%error, "cannot see who leads");
                    tokio::time::sleep(PAUSES.1).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn observe(&self) -> Result<Box<dyn ElectionWatch>> {
        loop {
            match self.stream.election.observe().await {
                Err(error) if error.retry() => {
                    tracing::debug!(%error, "cannot see who leads");
                    tokio::time::sleep(PAUSES.1).await;
                }
                opened => return opened,
            }
        }
    }

    /// Follows one leader until it is dropped, or must not go on.
    async fn attend(&self, leader: Option<&LeaderRecord>, heard: bool) -> Result<()> {
        let other = leader.filter(|record| record.candidate.node != self.stream.node);
        let Some(record) = other else {
            // With a state that the log does not hold there is nothing to hand out until somebody leads.
            if heard && self.holds(self.after).await {
                self.enter(Phase::Alone);
            } else if heard && *self.phase.borrow() == Phase::Seeking {
                tracing::warn!(
                    state = %self.after,
                    "this node's log does not hold its state, which is of a snapshot: waits for a primary to fill it"
                );
            }
            return std::future::pending().await;
        };
        let mut pause = PAUSES.0;
        let mut told = None;
        loop {
            let session = Session {
                stream: &self.stream,
                after: self.after,
                known: &self.known,
            };
            let linked = || {
                self.enter(Phase::Linked);
            };
            match session.run(record, linked).await {
                Ok(floor) => {
                    self.enter(Phase::Trimmed { floor });
                    return std::future::pending().await;
                }
                Err(error) if is_fatal(error.kind()) => return Err(error),
                Err(error) => {
                    metrics::counter!(
                        "standfast_stream_breaks_total",
                        "kind" => error.kind().name()
                    )
                    .increment(1);
                    let (primary, kind) = (&record.candidate.node, error.kind());
                    if told.as_ref() == Some(kind) {
                        tracing::debug!(%error, %primary, "the stream ended");
                    } else {
                        tracing::info!(%error, %primary, "the stream ended; it is opened again");
                        told = Some(kind.clone());
                    }
                }
            }
            let cut = pause.mul_f64(rand::random_range(0.5..1.0));
            tokio::time::sleep(cut).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Whether the own log holds `position`.
    async fn holds(&self, position: Position) -> bool {
        let one = ReadLimit {
            batches: 1,
            bytes: 1,
        };
        self.stream.log.read(position, one).await.is_ok()
    }

    fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let changes = *current != phase;
            *current = phase;
            changes
        });
    }
}

/// Whether no waiting and no other primary would help.
const fn is_fatal(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::LogRegressed
            | ErrorKind::Corrupt
            | ErrorKind::Foreign
            | ErrorKind::Version
            | ErrorKind::Config
            | ErrorKind::Auth
            | ErrorKind::Unsupported
    )
}
