use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use standfast_core::{
    Batch, BootInstant, Clock, Error, ErrorKind, OpLogWriter, Position, Result, TermEndReason,
};
use tokio::sync::watch;

use crate::commit::Commit;
use crate::queue::Queue;
use crate::read_only::ReadOnly;
use crate::sequencer::SharedSequencer;

/// With no batch to carry it, the watermark is written by itself after this long.
const LINGER: Duration = Duration::from_micros(300);
/// First and longest pause before a batch that was not written is sent again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

/// The sequencer's side of the log thread.
pub(crate) struct LogHandle {
    batches: SyncSender<Batch>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    busy: AtomicBool,
    failed: AtomicBool,
    read_only: Arc<ReadOnly>,
}

/// The thread that drives the writer: one batch in flight, the next forms meanwhile.
pub(crate) struct LogThread {
    writer: Box<dyn OpLogWriter>,
    batches: Receiver<Batch>,
    shared: Arc<Shared>,
    commit: Arc<Commit>,
    queue: Arc<Queue>,
    clock: Clock,
    validity: watch::Receiver<BootInstant>,
}

impl LogHandle {
    /// Whether the next batch may be handed over.
    pub(crate) fn idle(&self) -> bool {
        !self.shared.busy.load(Ordering::Acquire)
    }

    /// Whether the log has failed: nothing more will be committed in this term.
    pub(crate) fn failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    /// Why writes are refused, if they are.
    pub(crate) fn read_only(&self) -> &Arc<ReadOnly> {
        &self.shared.read_only
    }

    /// Hands a batch over; only when [`Self::idle`].
    pub(crate) fn append(&self, batch: Batch) {
        self.shared.busy.store(true, Ordering::Release);
        if self.batches.send(batch).is_err() {
            self.shared.failed.store(true, Ordering::Release);
        }
    }
}

/// When this is dropped, the log counts as failed and the sequencer no longer waits for it: however the log thread
/// ends, a panic included, and when a term gives up a log that does not answer.
pub(crate) struct FailWhenDropped(Arc<Shared>, Arc<Queue>);

impl Drop for FailWhenDropped {
    fn drop(&mut self) {
        self.0.failed.store(true, Ordering::Release);
        self.1.ring();
    }
}

impl LogThread {
    pub(crate) fn new(
        writer: Box<dyn OpLogWriter>,
        commit: Arc<Commit>,
        queue: Arc<Queue>,
        clock: Clock,
        validity: watch::Receiver<BootInstant>,
    ) -> (LogHandle, Self) {
        let (sender, batches) = sync_channel(1);
        let shared = Arc::new(Shared::default());
        let handle = LogHandle {
            batches: sender,
            shared: Arc::clone(&shared),
        };
        (
            handle,
            Self {
                writer,
                batches,
                shared,
                commit,
                queue,
                clock,
                validity,
            },
        )
    }

    /// For the owner of the term.
    pub(crate) fn fail_when_dropped(&self) -> FailWhenDropped {
        FailWhenDropped(Arc::clone(&self.shared), Arc::clone(&self.queue))
    }

    /// Runs until the sequencer is gone or the log fails; returns why it failed, if it did.
    ///
    /// `runtime` drives the writer's futures on this thread: a writer may block.
    pub(crate) fn run(
        mut self,
        runtime: &tokio::runtime::Handle,
        sequencer: &SharedSequencer,
    ) -> Option<TermEndReason> {
        let _exit = self.fail_when_dropped();
        self.shared.read_only.begin();
        let mut marked = false;
        let mut linger = LINGER;
        let failure = loop {
            let next = match self
                .batches
                .recv_timeout(if marked { Duration::MAX } else { linger })
            {
                Ok(batch) => batch,
                Err(RecvTimeoutError::Timeout) => {
                    match runtime.block_on(self.writer.mark_committed()) {
                        Ok(()) => (marked, linger) = (true, LINGER),
                        // Followers learn it later; what is written is as durable as before.
                        Err(error) if waits(error.kind()) && self.still_valid() => {
                            linger = (linger * 2).min(PAUSES.1);
                        }
                        Err(error) => break Some(error),
                    }
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break None,
            };
            match self.append(runtime, &next) {
                Ok(position) => {
                    self.commit.advance(position);
                    self.shared.busy.store(false, Ordering::Release);
                    sequencer.log_is_idle();
                    marked = false;
                }
                Err(error) => break Some(error),
            }
        };
        let reason = failure.map(|error| self.fail(error));
        if !marked && reason.is_none() {
            drop(runtime.block_on(self.writer.mark_committed()));
        }
        if let Err(error) = runtime.block_on(self.writer.close()) {
            tracing::debug!(%error, "the writer did not close in good order");
        }
        reason
    }

    /// Appends one batch, the same bytes again as long as they are provably not there and the term is valid
    /// (R3).
    fn append(&mut self, runtime: &tokio::runtime::Handle, batch: &Batch) -> Result<Position> {
        let mut pause = PAUSES.0;
        let begun = self.clock.now();
        loop {
            match runtime.block_on(self.writer.append(batch)) {
                Ok(position) => {
                    let took = self.clock.now().since(begun);
                    metrics::histogram!("standfast_append_seconds").record(took.as_secs_f64());
                    metrics::counter!("standfast_appended_batches_total").increment(1);
                    metrics::counter!("standfast_appended_entries_total")
                        .increment(batch.len() as u64);
                    metrics::counter!("standfast_appended_bytes_total")
                        .increment(batch.frame().len() as u64);
                    self.say_full(None);
                    return Ok(position);
                }
                Err(error) if waits(error.kind()) && self.still_valid() => {
                    metrics::counter!("standfast_append_retries_total").increment(1);
                    if pause == PAUSES.0 {
                        tracing::warn!(%error, "the log does not take the batch; it is sent again");
                    }
                    self.say_full(Some(&error).filter(|error| *error.kind() == ErrorKind::Quota));
                    // The timer is made inside: this thread is not the runtime's.
                    runtime.block_on(async { tokio::time::sleep(pause).await });
                    pause = (pause * 2).min(PAUSES.1);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Says whether the store is full, so that writes are refused at once and reads go on.
    fn say_full(&self, why: Option<&Error>) {
        if self.shared.read_only.set_full(why) {
            self.queue.ring();
        }
    }

    /// Whether the batch may be sent again: a term that is to end does not wait for a store that is full.
    fn still_valid(&self) -> bool {
        !self.queue.is_closed() && self.clock.now() < *self.validity.borrow()
    }

    fn fail(&self, error: Error) -> TermEndReason {
        tracing::warn!(%error, "the log has failed; the term ends");
        metrics::counter!("standfast_append_failures_total", "kind" => error.kind().name())
            .increment(1);
        self.shared.failed.store(true, Ordering::Release);
        self.queue.ring();
        match error.kind() {
            ErrorKind::Fenced => TermEndReason::Fenced(error),
            _ => TermEndReason::Log(error),
        }
    }
}

/// Whether the batch is provably not written and may be sent again after a pause.
const fn waits(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotWritten | ErrorKind::Quota | ErrorKind::Throttled | ErrorKind::Unavailable
    )
}
