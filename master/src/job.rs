use std::any::Any;
use std::fmt;

use standfast_core::{BootInstant, Command, Machine, Outcome, Result};
use tokio::sync::oneshot;

/// Where the answer of a command goes.
pub(crate) type ProposeAnswer = oneshot::Sender<Result<Vec<Outcome>>>;
/// Where the answer of a question goes.
pub(crate) type ReadAnswer = oneshot::Sender<Result<Box<dyn Any + Send>>>;

/// What the sequencer is asked to do.
pub(crate) enum Job {
    /// Decide a command.
    Propose {
        command: Command,
        deadline: BootInstant,
        answer: ProposeAnswer,
    },
    /// Answer a question.
    Read {
        question: Box<dyn Any + Send + Sync>,
        deadline: BootInstant,
        answer: ReadAnswer,
    },
    /// Do something to the state at the next batch end, which may not be committed yet.
    AtBatchEnd(Box<dyn FnOnce(&mut Machine) + Send>),
}

impl Job {
    /// How much of the queue it takes.
    pub(crate) fn weight(&self) -> u32 {
        match self {
            Self::Propose { command, .. } => command.items.max(1),
            Self::Read { .. } | Self::AtBatchEnd(_) => 1,
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Propose { command, .. } => write!(f, "Propose({command:?})"),
            Self::Read { .. } => f.write_str("Read"),
            Self::AtBatchEnd(_) => f.write_str("AtBatchEnd"),
        }
    }
}
