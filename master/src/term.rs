use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::{
    BootInstant, Clock, Command, Epoch, Error, ErrorKind, FenceToken, Handover, Leadership,
    Machine, Outcome, Position, Proposer, Result, SessionId, SharedMachine, TermEnd, TermEndReason,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::commit::{Commit, CommittedWatch, Progress, reply};
use crate::config::MasterConfig;
use crate::job::Job;
use crate::log::LogThread;
use crate::queue::Queue;
use crate::sequencer::{Parts, Sequencer};
use crate::tenure::lapsed;

/// A term of leadership: owns the sequencer thread, the log thread and the replier.
pub struct Term {
    handle: TermHandle,
    leadership: Box<dyn Leadership>,
    machine: SharedMachine,
    sequencer: std::thread::JoinHandle<bool>,
    log: std::thread::JoinHandle<Option<TermEndReason>>,
    log_over: watch::Receiver<bool>,
    tasks: JoinSet<Result<()>>,
    stop: mpsc::Receiver<TermEndReason>,
    clock: Clock,
}

/// The door to a term; cheap to clone, and of no use once the term has ended.
#[derive(Clone)]
pub struct TermHandle {
    token: FenceToken,
    queue: Arc<Queue>,
    commit: Arc<Commit>,
    stop: mpsc::Sender<TermEndReason>,
    clock: Clock,
    machine: SharedMachine,
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
        } = handover;
        let queue = Arc::new(Queue::new(config.queue, clock.clone()));
        let (replier, batches) = mpsc::channel(1024);
        let validity = leadership.validity();
        let commit = Commit::new(start, clock.clone(), validity.clone(), replier);
        let mut tasks = JoinSet::new();
        tasks.spawn(reply(Arc::clone(&commit), batches));
        let (log, thread) = LogThread::new(
            writer,
            Arc::clone(&commit),
            Arc::clone(&queue),
            clock.clone(),
            validity,
        );
        machine.lock().term_begins();
        let sequencer = Sequencer::new(Parts {
            machine: Arc::clone(&machine),
            queue: Arc::clone(&queue),
            commit: Arc::clone(&commit),
            log,
            config,
            clock: clock.clone(),
            epoch: leadership.token().epoch,
        });
        let (over, log_over) = watch::channel(false);
        let runtime = tokio::runtime::Handle::current();
        let log = spawn("log", move || {
            let reason = thread.run(&runtime);
            over.send_replace(true);
            reason
        })?;
        let sequencer = spawn("sequencer", move || sequencer.run())?;
        let (stopper, stop) = mpsc::channel(4);
        let handle = TermHandle {
            token: leadership.token().clone(),
            queue,
            commit,
            stop: stopper,
            clock: clock.clone(),
            machine: Arc::clone(&machine),
        };
        Ok(Self {
            handle,
            leadership,
            machine,
            sequencer,
            log,
            log_over,
            tasks,
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

    /// Waits for the end of the term and joins its threads. Resigns when it ended on purpose.
    ///
    /// # Errors
    /// None of its own; what ended the term is in [`TermEnd`].
    ///
    /// # Cancel safety
    /// Not cancel safe: call it once, from the task that owns the term.
    pub async fn ended(mut self) -> TermEnd {
        let validity = self.leadership.validity();
        // All arms are cancel safe; after the first one nothing is awaited again.
        let mut reason = tokio::select! {
            asked = self.stop.recv() => asked.unwrap_or(TermEndReason::Shutdown),
            () = lapsed(self.clock.clone(), validity) => TermEndReason::LeaseLost,
            _ = self.log_over.wait_for(|over| *over) => TermEndReason::LeaseLost,
        };
        self.handle.queue.close();
        if matches!(reason, TermEndReason::LeaseLost) {
            // The log may hang for as long as its disk does; nobody waits for that.
            self.handle.commit.end();
        }
        let (sequencer, log) = (self.sequencer, self.log);
        let joined = tokio::task::spawn_blocking(move || {
            let complete = sequencer.join().unwrap_or(false);
            (complete, log.join().unwrap_or(None))
        });
        let (complete, failure) = joined.await.unwrap_or((false, None));
        let failed = failure.is_some();
        if let Some(failure) = failure {
            reason = failure;
        }
        self.handle.queue.drop_all();
        self.handle.commit.end();
        let committed = self.handle.commit.committed();
        let clean = complete && !failed && self.machine.lock().applied() == committed;
        self.tasks.shutdown().await;
        resign(self.leadership, &reason).await;
        TermEnd {
            machine: self.machine,
            clean,
            reason,
        }
    }
}

/// Ends the leadership; the lease runs out by itself when that fails.
async fn resign(leadership: Box<dyn Leadership>, reason: &TermEndReason) {
    let successor = match reason {
        TermEndReason::Switchover(node) => node.as_ref(),
        _ => None,
    };
    if let Err(error) = leadership.resign(successor).await {
        tracing::info!(%error, "could not resign; the lease runs out by itself");
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<std::thread::JoinHandle<T>> {
    std::thread::Builder::new()
        .name(format!("standfast-{name}"))
        .spawn(run)
        .map_err(|source| {
            Error::new(ErrorKind::Unavailable, "start term")
                .context(format!("cannot start the {name} thread"))
                .source(source)
        })
}

impl TermHandle {
    /// The term's token.
    pub const fn token(&self) -> &FenceToken {
        &self.token
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        let committed = self.commit.position();
        Progress {
            applied: self.machine.lock().applied().max(committed.seq),
            committed,
        }
    }

    /// Follows the committed watermark.
    pub fn committed(&self) -> CommittedWatch {
        self.commit.subscribe()
    }

    /// Last batch end committed.
    pub fn committed_position(&self) -> Position {
        self.commit.position()
    }

    /// Asks the term to end.
    pub fn stop(&self, reason: TermEndReason) {
        if self.stop.try_send(reason).is_err() {
            tracing::debug!("the term is ending already");
        }
    }

    /// Keeps new requests waiting and returns when everything decided so far is committed: the first half of a
    /// switchover. Intake opens again when what it returns is dropped, unless the term was stopped by then.
    ///
    /// # Errors
    /// `Timeout` when it takes longer than `patience`; `NotPrimary` when the term has ended. Intake is open again
    /// then.
    ///
    /// # Cancel safety
    /// Cancel safe: intake opens again.
    pub async fn close_intake(&self, patience: std::time::Duration) -> Result<HeldIntake> {
        let (sender, reached) = oneshot::channel();
        let mut committed = self.commit.subscribe();
        self.queue
            .hold_behind(Job::AtBatchEnd(Box::new(move |machine| {
                crate::commit::forget_if_gone(sender.send(machine.position().seq));
            })))?;
        let held = Held(Arc::clone(&self.queue));
        let drained = async {
            let target = reached.await.map_err(ended)?;
            let position = committed.wait_for(|position| position.seq >= target).await;
            position
                .map(|position| *position)
                .map_err(|source| Error::new(ErrorKind::Closed, "close intake").source(source))
        };
        match tokio::time::timeout(patience, drained).await {
            Ok(Ok(position)) => Ok(HeldIntake {
                position,
                _held: held,
            }),
            Ok(Err(error)) => Err(error),
            Err(elapsed) => Err(Error::new(ErrorKind::Timeout, "close intake").source(elapsed)),
        }
    }

    /// Does something to the state at the next batch end, which may not be committed yet, and returns what it
    /// gave.
    ///
    /// # Errors
    /// `NotPrimary` when the term has ended.
    ///
    /// # Cancel safety
    /// It may still be done.
    pub async fn at_batch_end<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Machine) -> T + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let job = Job::AtBatchEnd(Box::new(move |machine| {
            crate::commit::forget_if_gone(sender.send(act(machine)));
        }));
        let deadline = self.clock.now().plus(std::time::Duration::from_secs(10));
        self.queue.push(job, deadline).await?;
        receiver.await.map_err(ended)
    }
}

/// Intake that is kept closed; it opens when this is dropped.
#[derive(Debug)]
#[must_use = "intake opens again when this is dropped"]
pub struct HeldIntake {
    /// Everything decided before is committed, up to here.
    pub position: Position,
    _held: Held,
}

#[derive(Debug)]
struct Held(Arc<Queue>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Requests are numbered from 1, and a client does not have the answer of what it asks.
fn check_header(command: &Command) -> Result<()> {
    let header = command.header;
    let numbered = header.request.0 > 0 && header.request.0 < u64::MAX;
    if header.session == SessionId::NONE || (numbered && header.answered < header.request) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, "propose").context(format!(
        "request {} with answers up to {}: requests are numbered from 1, and `answered` is below",
        header.request, header.answered
    )))
}

fn ended(source: oneshot::error::RecvError) -> Error {
    Error::new(ErrorKind::NotPrimary { address: None }, "propose").source(source)
}

#[async_trait]
impl Proposer for TermHandle {
    async fn propose(&self, command: Command, deadline: BootInstant) -> Result<Vec<Outcome>> {
        check_header(&command)?;
        let (answer, answered) = oneshot::channel();
        self.queue
            .push(
                Job::Propose {
                    command,
                    deadline,
                    answer,
                },
                deadline,
            )
            .await?;
        answered.await.map_err(|source| {
            Error::new(ErrorKind::Unknown, "propose")
                .context("the term ended")
                .source(source)
        })?
    }

    async fn read(
        &self,
        question: Box<dyn Any + Send + Sync>,
        deadline: BootInstant,
    ) -> Result<Box<dyn Any + Send>> {
        let (answer, answered) = oneshot::channel();
        self.queue
            .push(
                Job::Read {
                    question,
                    deadline,
                    answer,
                },
                deadline,
            )
            .await?;
        answered.await.map_err(ended)?
    }

    fn leads(&self) -> Option<Epoch> {
        self.commit.valid().then_some(self.token.epoch)
    }
}

impl std::fmt::Debug for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Term({:?})", self.handle.token)
    }
}

impl std::fmt::Debug for TermHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TermHandle({:?})", self.token)
    }
}
