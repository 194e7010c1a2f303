use std::sync::Arc;

use indicatif::ProgressBar;
use standfast_standby::{Step, Tell};

use super::output;

/// How far a recovery has come, on standard error, until it is dropped: bytes of the snapshot, then entries of the log.
pub(super) struct RecoveryBar(ProgressBar);

impl RecoveryBar {
    pub(super) fn new() -> Self {
        Self(output::progress(0, "bytes restored"))
    }

    /// What the recovery is to call.
    pub(super) fn tell(&self) -> Tell {
        let bar = self.0.clone();
        Arc::new(move |step| {
            let (what, done, all) = match step {
                Step::Restoring(part) => ("bytes restored", part.done_bytes, part.total_bytes),
                Step::Replaying { done, all } => ("entries replayed", done, all),
            };
            bar.set_message(what);
            bar.set_length(all);
            bar.set_position(done);
        })
    }
}

impl Drop for RecoveryBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
