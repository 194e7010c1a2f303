use std::sync::Arc;

use standfast_snapshots::Progress;

/// How far a recovery has come.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// With the snapshot.
    Restoring(Progress),
    /// With the log behind it.
    Replaying {
        /// Entries replayed.
        done: u64,
        /// Entries that were there when it began.
        all: u64,
    },
}

/// Told after every part of the snapshot, and after every piece of the log.
pub type Tell = Arc<dyn Fn(Step) + Send + Sync>;
