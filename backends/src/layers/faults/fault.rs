use std::time::Duration;

use standfast_core::ErrorKind;

use crate::layers::operation::Operation;

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is not made, and fails with this kind.
    Fail(ErrorKind),
    /// It is made after this long.
    Delay(Duration),
    /// It is made, and nobody learns how it went: `Indeterminate` where its contract has a doubt, else `Unavailable`.
    LoseAnswer,
    /// It is made once somebody lets it go on: [`Faults::release`](super::Faults::release).
    Stall,
    /// Of an append only the first half of the entries is kept, as a batch of its own; nothing of a batch of one. The
    /// writer is told `Indeterminate`.
    ///
    /// No store here does that: a piece of a frame is no frame, and their readers pass it over. It is the worst that one
    /// may do which splits batches, and whoever reads the log must live with it: nothing of the batch was acknowledged.
    Tear,
    /// One bit of what is read is another. A batch goes through the decoder as a reader's own does and is its error; a
    /// part arrives as it is.
    FlipBit,
    /// A tail passes an event over: a broken store, which a reader must notice (R4).
    DropEvent,
    /// A tail gives an event twice.
    RepeatEvent,
    /// A tail gives an event after the one that follows it.
    SwapEvents,
}

impl Fault {
    /// The stable name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Fail(_) => "fail",
            Self::Delay(_) => "delay",
            Self::LoseAnswer => "lose_answer",
            Self::Stall => "stall",
            Self::Tear => "tear",
            Self::FlipBit => "flip_bit",
            Self::DropEvent => "drop_event",
            Self::RepeatEvent => "repeat_event",
            Self::SwapEvents => "swap_events",
        }
    }

    /// Whether it can happen to this operation.
    pub const fn fits(&self, operation: Operation) -> bool {
        match self {
            Self::Fail(_) | Self::Delay(_) | Self::LoseAnswer | Self::Stall => true,
            Self::Tear => matches!(operation, Operation::Append),
            Self::FlipBit => matches!(
                operation,
                Operation::Read | Operation::Settled | Operation::NextEvent | Operation::ReadPart
            ),
            Self::DropEvent | Self::RepeatEvent | Self::SwapEvents => {
                matches!(operation, Operation::NextEvent)
            }
        }
    }
}
