use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use standfast_core::{
    BootInstant, Clock, Command, Epoch, Error, ErrorKind, FenceToken, Machine, Outcome, Position,
    Proposer, Result, SessionId, SharedMachine, TermEndReason, lapsed,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::commit::{Commit, CommittedWatch, Progress};
use crate::job::{Job, Proposal};
use crate::queue::Queue;
use crate::read_only::ReadOnly;
use crate::sequencer::SharedSequencer;

/// The door to a term; cheap to clone, and of no use once the term has ended.
#[derive(Clone)]
pub struct TermHandle {
    pub(crate) token: FenceToken,
    pub(crate) queue: Arc<Queue>,
    pub(crate) sequencer: Arc<SharedSequencer>,
    pub(crate) commit: Arc<Commit>,
    pub(crate) stop: mpsc::Sender<TermEndReason>,
    pub(crate) clock: Clock,
    pub(crate) machine: SharedMachine,
    pub(crate) read_only: Arc<ReadOnly>,
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

    /// Until when the lease holds; moves with every renewal.
    pub fn validity(&self) -> watch::Receiver<BootInstant> {
        self.commit.validity()
    }

    /// Waits until the lease has run out, whether or not the term has noticed.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub async fn lapsed(&self) {
        lapsed(self.clock.clone(), self.commit.validity()).await;
    }

    /// Why writes are refused at present; `None` when they are not.
    pub fn read_only(&self) -> Option<String> {
        self.read_only.reason()
    }

    /// Whether the log has reached its limit, as [`Self::set_over_limit`] was told last.
    pub fn over_limit(&self) -> bool {
        self.read_only.over_limit()
    }

    /// Says that the log has reached its limit, and why: writes are refused with that until `None` is said. What was
    /// decided before, and upkeep, still go to the log; reads go on.
    pub fn set_over_limit(&self, why: Option<String>) {
        self.read_only.set_over_limit(why);
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
    /// then. `Busy` when another has closed it.
    ///
    /// # Cancel safety
    /// Cancel safe: intake opens again.
    pub async fn close_intake(&self, patience: Duration) -> Result<HeldIntake> {
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
        match timeout(patience, drained).await {
            Ok(Ok(position)) => Ok(HeldIntake {
                position,
                _held: held,
            }),
            Ok(Err(error)) => Err(error),
            Err(elapsed) => Err(Error::new(ErrorKind::Timeout, "close intake").source(elapsed)),
        }
    }

    /// Has the job run: by this thread if no other decides at the moment.
    async fn submit(&self, job: Job, deadline: BootInstant) -> Result<()> {
        self.queue.push(job, deadline).await?;
        self.sequencer.decide_if_free();
        Ok(())
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
        let deadline = self.clock.now().plus(Duration::from_secs(10));
        self.submit(job, deadline).await?;
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
        let proposal = Box::new(Proposal::new(command, deadline, answer));
        self.submit(Job::Propose(proposal), deadline).await?;
        match timeout(deadline.since(self.clock.now()), answered).await {
            Ok(Ok(result)) => result,
            Ok(Err(source)) => Err(Error::new(ErrorKind::Unknown, "propose")
                .context("the term ended")
                .source(source)),
            Err(elapsed) => Err(Error::new(ErrorKind::Unknown, "propose")
                .context("the log did not answer by the deadline")
                .source(elapsed)),
        }
    }

    async fn read(
        &self,
        question: Box<dyn Any + Send + Sync>,
        deadline: BootInstant,
    ) -> Result<Box<dyn Any + Send>> {
        let (answer, answered) = oneshot::channel();
        let job = Job::Read {
            question,
            deadline,
            answer,
        };
        self.submit(job, deadline).await?;
        match timeout(deadline.since(self.clock.now()), answered).await {
            Ok(answer) => answer.map_err(ended)?,
            Err(elapsed) => Err(Error::new(ErrorKind::Timeout, "read")
                .context("what it looked at was not committed by the deadline")
                .source(elapsed)),
        }
    }

    fn leads(&self) -> Option<Epoch> {
        self.commit.valid().then_some(self.token.epoch)
    }
}

impl fmt::Debug for TermHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TermHandle({:?})", self.token)
    }
}
