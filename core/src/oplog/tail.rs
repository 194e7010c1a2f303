use async_trait::async_trait;

use crate::batch::Batch;
use crate::error::Result;
use crate::words::{Epoch, Position, Seq};

/// What a follower of the log meets next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TailEvent {
    /// Committed batches, contiguous with what was delivered before.
    Batches(Vec<Batch>),
    /// Nothing more for now; told once each time the end is reached.
    CaughtUp {
        /// End of what was delivered.
        tail: Position,
    },
    /// A higher epoch was let in; its first batch may not be there yet.
    NewEpoch(Epoch),
    /// What comes next was trimmed: bootstrap again. The tail is over.
    Trimmed {
        /// First entry that is still there.
        floor: Seq,
    },
}

/// A reader that waits for more.
///
/// * **OT-1** What it delivers obeys OL-6 whatever the store's watch does: a watch that loses, repeats, reorders
///   or invents events only wakes it up (R4).
/// * **OT-2** Its memory is bounded, whatever is missing and for however long. An event carries no more than
///   [`crate::ReadLimit::default`] lets through, but for its last batch.
#[async_trait]
pub trait OpLogTail: Send {
    /// The next event; waits when there is none.
    ///
    /// # Errors
    /// `Gap`, `Corrupt`, `LogRegressed`, `Version`: fail closed. `Unavailable`: call again after a pause.
    ///
    /// # Cancel safety
    /// Cancel safe: an event is delivered by the next call instead.
    async fn next(&mut self) -> Result<TailEvent>;

    /// Whether the log ends where its bounds say, as by default. Where it is filled from elsewhere only its tail knows how
    /// far it reaches.
    fn ends_with_its_log(&self) -> bool {
        true
    }
}
