use std::sync::Arc;
use std::time::Duration;

use standfast_core::{
    Clock, Handover, Leadership, Result, Seq, SharedMachine, TermEnd, TermEndReason, lapsed,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::commit::{Commit, reply};
use crate::config::{Ack, MasterConfig};
use crate::handle::TermHandle;
use crate::log::{FailWhenDropped, LogThread};
use crate::queue::Queue;
use crate::sequencer::{self, Parts, Sequencer, SharedSequencer};
use crate::thread::Thread;

/// How long a term that ends on purpose waits for its log to take what was decided.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a term that was lost waits for its threads, and any term for its resignation.
const SHORT_PATIENCE: Duration = Duration::from_secs(1);

/// A term of leadership: owns the sequencer thread, the log thread and the replier.
///
/// A log that hangs keeps its thread for as long as it does: the thread is left behind, fenced by the next term,
/// and what it still learns is told to nobody.
pub struct Term {
    handle: TermHandle,
    leadership: Box<dyn Leadership>,
    machine: SharedMachine,
    ack: Ack,
    /// Whether nothing that was decided is missing from what was handed to the log.
    sequencer: Thread<Option<bool>>,
    /// Why the log failed, if it did.
    log: Thread<Option<TermEndReason>>,
    give_up_log: FailWhenDropped,
    replier: JoinSet<()>,
    answered: watch::Sender<bool>,
    stop: mpsc::Receiver<TermEndReason>,
    clock: Clock,
}

impl Term {
    /// Begins to serve from what promotion handed over.
    ///
    /// # Errors
    /// `Unavailable` when a thread cannot be started.
    pub fn start(handover: Handover, config: MasterConfig, clock: Clock) -> Result<Self> {
        let Handover {
            machine,
            writer,
            leadership,
            start,
            after_loss,
        } = handover;
        let queue = Arc::new(Queue::new(config.queue, clock.clone()));
        let (to_replier, batches) = mpsc::channel(1024);
        let validity = leadership.validity();
        let commit = Commit::new(start, clock.clone(), validity.clone(), to_replier);
        let (answered, over) = watch::channel(false);
        let mut replier = JoinSet::new();
        replier.spawn(reply(Arc::clone(&commit), batches, over));
        let (log, thread) = LogThread::new(
            writer,
            Arc::clone(&commit),
            Arc::clone(&queue),
            clock.clone(),
            validity,
        );
        let give_up_log = thread.fail_when_dropped();
        {
            let mut state = machine.lock();
            state.term_begins();
            if after_loss {
                state.suffix_lost();
            }
        }
        let ack = config.ack;
        let read_only = Arc::clone(log.read_only());
        let shared = SharedSequencer::new(Sequencer::new(Parts {
            machine: Arc::clone(&machine),
            queue: Arc::clone(&queue),
            commit: Arc::clone(&commit),
            log,
            config,
            clock: clock.clone(),
            epoch: leadership.token().epoch,
            after_loss,
        }));
        let runtime = tokio::runtime::Handle::current();
        let logs = Arc::clone(&shared);
        let log = Thread::spawn("log", move || thread.run(&runtime, &logs))?;
        let sequencer = sequencer::start(&shared)?;
        let (stopper, stop) = mpsc::channel(4);
        let handle = TermHandle {
            token: leadership.token().clone(),
            queue,
            sequencer: shared,
            commit,
            stop: stopper,
            clock: clock.clone(),
            machine: Arc::clone(&machine),
            read_only,
        };
        Ok(Self {
            handle,
            leadership,
            machine,
            ack,
            sequencer,
            log,
            give_up_log,
            replier,
            answered,
            stop,
            clock,
        })
    }

    /// The door to it.
    pub fn handle(&self) -> TermHandle {
        self.handle.clone()
    }

    /// The leadership it rests on.
    pub fn leadership(&self) -> &dyn Leadership {
        &*self.leadership
    }

    /// Waits for the end of the term and of its threads, and resigns. A term that ends on purpose waits 10 s for its
    /// log, one that was lost 1 s: a log that hangs longer is given up, and the state with it.
    ///
    /// # Errors
    /// None of its own; what ended the term is in [`TermEnd`].
    ///
    /// # Cancel safety
    /// Not cancel safe: call it once, from the task that owns the term.
    pub async fn ended(mut self) -> TermEnd {
        let mut reason = self.reason().await;
        self.handle.queue.close();
        if matches!(reason, TermEndReason::LeaseLost) {
            // The log may hang for as long as its disk does; no caller waits for that.
            self.handle.commit.end();
        }
        self.wait_for_threads(&reason).await;
        drop(self.give_up_log);
        if timeout(SHORT_PATIENCE, self.sequencer.over())
            .await
            .is_err()
        {
            tracing::error!("the sequencer does not end; its state is given up");
        }
        let log = self.log.result();
        let logged = matches!(log, Some(None));
        if let Some(Some(failure)) = log {
            reason = failure;
        }
        let committed = self.handle.commit.committed();
        let machine = &self.machine;
        let decided = self.sequencer.result().flatten();
        let decided = decided.map(|complete| (complete, machine.lock().applied()));
        let clean = logged && decided == Some((true, committed));
        if self.ack == Ack::Async && !clean {
            tell_in_doubt(committed, decided.map(|(_, applied)| applied));
        }
        self.handle.read_only.end();
        self.answered.send_replace(true);
        while self.replier.join_next().await.is_some() {}
        self.handle.queue.drop_all();
        self.handle.commit.end();
        resign(self.leadership, &reason).await;
        TermEnd {
            machine: self.machine,
            clean,
            reason,
        }
    }

    /// Waits for what ends the term.
    async fn reason(&mut self) -> TermEndReason {
        let validity = self.leadership.validity();
        // All arms are cancel safe.
        tokio::select! {
            asked = self.stop.recv() => asked.unwrap_or(TermEndReason::Shutdown),
            () = lapsed(self.clock.clone(), validity) => TermEndReason::LeaseLost,
            () = self.log.over() => TermEndReason::LeaseLost,
        }
    }

    /// Waits until the log has taken what was decided, for as long as the end of such a term may take.
    async fn wait_for_threads(&mut self, reason: &TermEndReason) {
        let lost = matches!(reason, TermEndReason::LeaseLost);
        let patience = if lost { SHORT_PATIENCE } else { PATIENCE };
        let both = async {
            self.sequencer.over().await;
            self.log.over().await;
        };
        if timeout(patience, both).await.is_err() {
            tracing::error!(
                ?patience,
                "the log does not answer; the term ends without it"
            );
        }
    }
}

/// Tells what a term leaves behind that was acknowledged ahead of its commit: the next term has it, or it is lost.
fn tell_in_doubt(committed: Seq, applied: Option<Seq>) {
    let Some(applied) = applied else {
        tracing::warn!(after = %committed, "acknowledged with `async` and in doubt: everything after");
        return;
    };
    let entries = applied.since(committed);
    metrics::counter!("standfast_async_in_doubt_entries_total").increment(entries);
    if entries > 0 {
        tracing::warn!(
            entries, first = %committed.next(), last = %applied,
            "acknowledged with `async`, and in doubt: the next term has them, or they are lost"
        );
    }
}

/// Ends the leadership; the lease runs out by itself when that fails.
async fn resign(leadership: Box<dyn Leadership>, reason: &TermEndReason) {
    let successor = match reason {
        TermEndReason::Switchover(node) => node.as_ref(),
        _ => None,
    };
    match timeout(SHORT_PATIENCE, leadership.resign(successor)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::info!(%error, "could not resign; the lease runs out by itself");
        }
        Err(_elapsed) => {
            tracing::info!("resigning takes too long; the lease runs out by itself");
        }
    }
}

impl std::fmt::Debug for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Term({:?})", self.handle.token)
    }
}
