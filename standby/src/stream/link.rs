use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use standfast_core::{
    Candidate, ElectionWatch, Epoch, Error, ErrorKind, LeaderRecord, Position, ReadLimit, Result,
    Seq,
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
    delivered: Mutex<Position>,
    failure: Mutex<Option<Error>>,
}

impl Known {
    /// The primary has committed up to here.
    pub(super) fn commit(&self, seq: Seq) {
        self.committed.fetch_max(seq.0, Ordering::AcqRel);
    }

    /// Where the state stands that follows, or will in a moment: the end of what was handed out.
    pub(super) fn delivered(&self) -> Position {
        *self.delivered.lock()
    }
}

impl Link {
    /// Starts the thread that fills the log.
    pub(super) fn start(stream: Stream, after: Position) -> Result<Self> {
        let (phase, phases) = watch::channel(Phase::Seeking);
        let (stop, stopped) = watch::channel(());
        let known = Arc::new(Known::default());
        *known.delivered.lock() = after;
        let filler = Filler {
            stream,
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

    /// It was handed out up to here; that may be trimmed.
    pub(super) fn delivered(&self, end: Position) {
        *self.known.delivered.lock() = end;
    }

    /// Why it failed; told once.
    pub(super) fn failure(&self) -> Option<Error> {
        self.known.failure.lock().take()
    }
}

/// Fills the log from whoever leads.
struct Filler {
    stream: Stream,
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
        let mut leader: Option<Option<LeaderRecord>> = None;
        let mut attended = Box::pin(self.attend(None, false));
        loop {
            let mut next = Box::pin(next_leader(&mut *leaders));
            // Whoever is followed is followed on while the election cannot be seen.
            let record = tokio::select! {
                record = &mut next => record?,
                ended = &mut attended => return ended,
            };
            drop(next);
            // That it serves by now is no reason to begin again.
            let term = term_of(record.as_ref());
            let is_same = |known: &Option<LeaderRecord>| term_of(known.as_ref()) == term;
            if !leader.as_ref().is_some_and(is_same) {
                attended = Box::pin(self.attend(record.clone(), true));
                leader = Some(record);
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
    async fn attend(&self, leader: Option<LeaderRecord>, heard: bool) -> Result<()> {
        let other = leader.filter(|record| record.candidate.node != self.stream.node);
        let Some(record) = other else {
            // With a state that the log does not hold there is nothing to hand out until somebody leads.
            let stands = self.known.delivered();
            if heard && self.holds(stands).await {
                self.enter(Phase::Alone);
            } else if heard && *self.phase.borrow() == Phase::Seeking {
                tracing::warn!(
                    state = %stands,
                    "this node's log does not hold its state, which is of a snapshot: waits for a primary to fill it; if this \
                     is the node that may lead, its log was lost or is an old copy: put it back"
                );
            }
            return std::future::pending().await;
        };
        let mut pause = PAUSES.0;
        let mut told = None;
        loop {
            let session = Session {
                stream: &self.stream,
                after: self.known.delivered(),
                known: &self.known,
            };
            let mut opened = Opened::default();
            let linked = || {
                opened.linked.store(true, Ordering::Relaxed);
                self.enter(Phase::Linked);
            };
            let ended = session.run(&record, linked).await;
            opened.over = true;
            match ended {
                Ok(floor) => {
                    self.enter(Phase::Trimmed { floor });
                    return std::future::pending().await;
                }
                Err(error) if is_fatal(error.kind()) => return Err(error),
                Err(error) => {
                    count_break(error.kind().name());
                    let (primary, kind) = (&record.candidate.node, error.kind());
                    if told.as_ref() == Some(kind) {
                        tracing::debug!(%error, %primary, "the stream ended");
                    } else {
                        tracing::info!(%error, %primary, "the stream ended; it is opened again");
                        told = Some(kind.clone());
                    }
                }
            }
            if opened.linked.load(Ordering::Relaxed) {
                pause = PAUSES.0;
            }
            let cut = pause.mul_f64(rand::random_range(0.5..1.0));
            tokio::time::sleep(cut).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Whether the own log holds `position`.
    async fn holds(&self, position: Position) -> bool {
        self.stream.log.read(position, ReadLimit::ONE).await.is_ok()
    }

    fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let changes = *current != phase;
            *current = phase;
            changes
        });
    }
}

/// A stream that was tried.
#[derive(Debug, Default)]
struct Opened {
    linked: AtomicBool,
    /// It has ended by itself, and that was counted.
    over: bool,
}

impl Drop for Opened {
    fn drop(&mut self) {
        // Its primary leads no more, which was heard of before its end was.
        if !self.over && *self.linked.get_mut() {
            count_break(ErrorKind::Unavailable.name());
        }
    }
}

fn count_break(kind: &'static str) {
    metrics::counter!("standfast_stream_breaks_total", "kind" => kind).increment(1);
}

/// Who leads, and where.
fn term_of(record: Option<&LeaderRecord>) -> Option<(&Candidate, Epoch)> {
    record.map(|record| (&record.candidate, record.epoch))
}

/// The next that is told; while nothing can be told it is asked for again and again.
async fn next_leader(leaders: &mut dyn ElectionWatch) -> Result<Option<LeaderRecord>> {
    loop {
        match leaders.next().await {
            Err(error) if error.retry() => {
                tracing::debug!(%error, "cannot see who leads");
                tokio::time::sleep(PAUSES.1).await;
            }
            told => return told,
        }
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
