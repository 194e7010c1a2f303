use std::sync::Arc;
use std::time::Duration;

use standfast_core::{
    CaptureWhen, Captured, Error, ErrorKind, Manifest, Result, Seq, SharedMachine, wall_clock_ms,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::publish::{Committed, Publisher};

/// How long a scheduled capture waits for a milestone. Where none comes in this time there are few entries, and the
/// leader remembers every batch end for long enough.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same for a capture that somebody waits for.
const PATIENCE_ASKED: Duration = Duration::from_millis(500);
/// After a failure the next try comes this soon, or after `every` if that is sooner.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// How often the number of entries and the bytes of log are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The task that makes snapshots of one state, until it is shut down.
///
/// A snapshot is due `every` so often, after `every_entries` or after `every_bytes` of log, whichever comes first, if
/// anything changed since the last one and no other node's newer one was listed meanwhile.
#[derive(Debug)]
pub struct Snapshotter {
    handle: SnapshotterHandle,
    task: JoinSet<()>,
}

/// The door to a [`Snapshotter`].
#[derive(Clone, Debug)]
pub struct SnapshotterHandle {
    requests: mpsc::Sender<Request>,
}

impl Snapshotter {
    /// Starts the task on the present runtime. `committed` says when what was captured from this `machine` counts as
    /// committed.
    pub fn start(publisher: Publisher, machine: SharedMachine, committed: Committed) -> Self {
        let (requests, receiver) = mpsc::channel(4);
        let worker = Worker {
            publisher,
            machine,
            committed,
            last_seq: Seq::ZERO,
            is_unproved: false,
        };
        let mut task = JoinSet::new();
        task.spawn(worker.run(receiver));
        Self {
            handle: SnapshotterHandle { requests },
            task,
        }
    }

    /// A handle.
    pub fn handle(&self) -> SnapshotterHandle {
        self.handle.clone()
    }

    /// Stops at once: a snapshot in progress is given up, and what it uploaded is collected one day. Does not wait
    /// for a store that hangs.
    ///
    /// # Cancel safety
    /// Cancel safe: the task is stopped either way.
    pub async fn shutdown(mut self) {
        self.task.shutdown().await;
    }
}

/// Where it is wanted, and who waits for it.
type Request = (CaptureWhen, oneshot::Sender<Result<Manifest>>);

impl SnapshotterHandle {
    /// Makes a snapshot now, proves it, and returns its manifest: of the next milestone, if one comes soon, or of the next
    /// batch end. Whether the leader lists it is seen in the catalog.
    ///
    /// # Errors
    /// As [`Publisher::publish`]; `Closed` when the task was shut down.
    ///
    /// # Cancel safety
    /// Cancel safe: the snapshot is made all the same.
    pub async fn create(&self) -> Result<Manifest> {
        self.ask(CaptureWhen::Milestone).await
    }

    /// The same at the next batch end, or now if the state stands at one: where no other node makes a snapshot of it.
    ///
    /// # Errors
    /// As [`Self::create`]; and when the snapshot could not be proved.
    ///
    /// # Cancel safety
    /// As [`Self::create`].
    pub async fn create_now(&self) -> Result<Manifest> {
        self.ask(CaptureWhen::BatchEnd).await
    }

    async fn ask(&self, when: CaptureWhen) -> Result<Manifest> {
        let (reply, answer) = oneshot::channel();
        self.requests.send((when, reply)).await.map_err(closed)?;
        answer.await.map_err(closed)?
    }
}

fn closed(source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Closed, "create snapshot")
        .context("the snapshotter was shut down")
        .source(source)
}

struct Worker {
    publisher: Publisher,
    machine: SharedMachine,
    committed: Committed,
    /// Where the newest snapshot stands that this node knows of.
    last_seq: Seq,
    /// Whether the last one that was made here could not be proved: another is due, whatever is listed.
    is_unproved: bool,
}

impl Worker {
    async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let newest = self.look_at_catalog().await;
        let every = self.publisher.policy().every.0;
        // A node that comes and goes would never make one if each began to wait anew.
        let age_ms = newest.map_or(0, |made_ms| wall_clock_ms().saturating_sub(made_ms));
        let mut next = Instant::now() + every.saturating_sub(Duration::from_millis(age_ms));
        // Before this time the log alone makes no snapshot due.
        let mut rests_until = Instant::now();
        loop {
            // Both arms are cancel safe: a request stays in the channel, waiting changes nothing.
            let asked = tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => Some(request),
                    None => return,
                },
                () = self.due(next, rests_until) => None,
            };
            let done = match asked {
                Some((when, reply)) => {
                    let patience = match when {
                        CaptureWhen::Milestone => PATIENCE_ASKED,
                        CaptureWhen::BatchEnd => Duration::ZERO,
                    };
                    let made = self.make(patience).await;
                    let done = made.as_ref().is_ok_and(|made| made.unproved.is_none());
                    // Whoever asked may have gone: the snapshot is there all the same.
                    drop(reply.send(made.and_then(|made| made.answer(when))));
                    done
                }
                None => self.make_if_news().await,
            };
            next = Instant::now()
                + if done {
                    every
                } else {
                    every.min(AFTER_FAILURE)
                };
            rests_until = if done { Instant::now() } else { next };
        }
    }

    /// Waits until a snapshot is due.
    async fn due(&self, next: Instant, rests_until: Instant) {
        let policy = self.publisher.policy();
        let by_clock_only = policy.every_entries == 0 && policy.every_bytes.0 == 0;
        loop {
            let look = if by_clock_only {
                next
            } else {
                next.min(Instant::now() + LOOK)
            };
            sleep_until(look).await;
            let now = Instant::now();
            if now >= next || (now >= rests_until && self.is_due_by_log()) {
                return;
            }
        }
    }

    fn is_due_by_log(&self) -> bool {
        let policy = self.publisher.policy();
        let machine = self.machine.lock();
        let entries = machine.position().seq.since(self.last_seq);
        let bytes = machine.log_bytes_since(self.last_seq);
        let reached = |limit: u64, now: u64| limit > 0 && now >= limit;
        reached(policy.every_entries, entries) || reached(policy.every_bytes.0, bytes)
    }

    /// Whether all is well: a snapshot was made, or none was needed.
    async fn make_if_news(&mut self) -> bool {
        let known = self.last_seq;
        self.look_at_catalog().await;
        let somebody_else = self.last_seq > known;
        let position = self.machine.lock().position();
        if !self.is_unproved && (somebody_else || position.seq <= self.last_seq) {
            return true;
        }
        match self.make(PATIENCE).await {
            Ok(made) => made.unproved.is_none(),
            Err(error) => {
                tracing::warn!(%error, "snapshot failed");
                false
            }
        }
    }

    async fn make(&mut self, patience: Duration) -> Result<Made> {
        let captured = self.capture(patience).await?;
        let committed = self.committed.clone();
        let manifest = self
            .publisher
            .publish(captured, &self.machine, committed)
            .await?;
        self.last_seq = manifest.position.seq;
        let machine = Arc::clone(&self.machine);
        let proved = self
            .publisher
            .prove(&manifest.id, move || machine.lock().begin_restore())
            .await;
        let unproved = proved.err();
        self.is_unproved = unproved.is_some();
        if let Some(error) = &unproved {
            tracing::warn!(%error, snapshot = %manifest.id, "snapshot stays unverified");
        }
        Ok(Made { manifest, unproved })
    }

    /// A capture at the next milestone, or at any batch end when none comes for a while.
    async fn capture(&self, patience: Duration) -> Result<Captured> {
        let (reply, mut captured) = oneshot::channel();
        self.machine
            .lock()
            .want_capture(CaptureWhen::Milestone, reply);
        let waited = timeout(patience, &mut captured).await;
        if let Ok(captured) = waited {
            return captured.map_err(gone);
        }
        let (reply, at_batch_end) = oneshot::channel();
        {
            let mut machine = self.machine.lock();
            if let Ok(captured) = captured.try_recv() {
                return Ok(captured);
            }
            machine.want_capture(CaptureWhen::BatchEnd, reply);
        }
        at_batch_end.await.map_err(gone)
    }

    /// Moves `last_seq` to the newest snapshot listed, and gives when that was made. Without an answer nothing is known, and
    /// nothing is skipped.
    async fn look_at_catalog(&mut self) -> Option<u64> {
        match self.publisher.store().newest().await {
            Ok(entry) => {
                let newest = entry.as_ref().and_then(|entry| entry.newest());
                let seq = newest.map_or(Seq::ZERO, |listed| listed.position.seq);
                self.last_seq = self.last_seq.max(seq);
                newest.map(|listed| listed.created_ms)
            }
            Err(error) => {
                tracing::debug!(%error, "catalog not read");
                None
            }
        }
    }
}

/// A snapshot that was proposed.
struct Made {
    manifest: Manifest,
    /// Why nobody can rely on it.
    unproved: Option<Error>,
}

impl Made {
    /// Where no other node makes one, what cannot be relied on is no snapshot.
    fn answer(self, when: CaptureWhen) -> Result<Manifest> {
        match self.unproved {
            Some(error) if when == CaptureWhen::BatchEnd => Err(error),
            _ => Ok(self.manifest),
        }
    }
}

fn gone(source: oneshot::error::RecvError) -> Error {
    Error::new(ErrorKind::Cancelled, "capture")
        .context("another capture was wanted instead, or the state is gone")
        .source(source)
}
