use std::any::Any;
use std::fmt;

use standfast_core::{BootInstant, Command, Machine, Outcome, Result, Seq};
use tokio::sync::oneshot;

/// Where the answer of a command goes.
pub(crate) type ProposeAnswer = oneshot::Sender<Result<Vec<Outcome>>>;
/// Where the answer of a question goes.
pub(crate) type ReadAnswer = oneshot::Sender<Result<Box<dyn Any + Send>>>;

/// What the sequencer is asked to do.
pub(crate) enum Job {
    /// Decide a command.
    Propose(Box<Proposal>),
    /// Answer a question.
    Read {
        question: Box<dyn Any + Send + Sync>,
        deadline: BootInstant,
        answer: ReadAnswer,
    },
    /// Do something to the state at the next batch end, which may not be committed yet.
    AtBatchEnd(Box<dyn FnOnce(&mut Machine) + Send>),
}

/// A command, and how far it was decided: a batch may be full in the middle of it.
pub(crate) struct Proposal {
    pub(crate) command: Command,
    pub(crate) deadline: BootInstant,
    pub(crate) answer: ProposeAnswer,
    /// Of the items decided so far.
    pub(crate) outcomes: Vec<Outcome>,
    /// The answer waits for this entry.
    pub(crate) wait: Seq,
    /// Whether an outcome reveals state without a write of its own.
    pub(crate) reveals: bool,
}

impl Proposal {
    /// One of which nothing is decided.
    pub(crate) fn new(command: Command, deadline: BootInstant, answer: ProposeAnswer) -> Self {
        Self {
            outcomes: Vec::new(),
            command,
            deadline,
            answer,
            wait: Seq::ZERO,
            reveals: false,
        }
    }

    /// The item to decide next, if there is one.
    pub(crate) fn next_item(&self) -> Option<u32> {
        let next = u32::try_from(self.outcomes.len()).unwrap_or(u32::MAX);
        (next < self.command.items).then_some(next)
    }
}

impl Job {
    /// How much of the queue it takes.
    pub(crate) fn weight(&self) -> u32 {
        match self {
            Self::Propose(proposal) => proposal.command.items.max(1),
            Self::Read { .. } | Self::AtBatchEnd(_) => 1,
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Propose(proposal) => write!(f, "Propose({:?})", proposal.command),
            Self::Read { .. } => f.write_str("Read"),
            Self::AtBatchEnd(_) => f.write_str("AtBatchEnd"),
        }
    }
}
