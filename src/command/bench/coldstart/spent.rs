use crate::command::Failure;
use crate::command::bench::dataset::Served;

/// Where the seconds of a cold start went, by the clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent {
    /// From the start of the process to its answers.
    pub(super) all: f64,
    pub(super) restore: f64,
    /// Of the log after the snapshot.
    pub(super) replay: f64,
    pub(super) promotion: f64,
}

impl Spent {
    /// As the node tells.
    pub(super) async fn by(node: &Served) -> Result<Self, Failure> {
        Ok(Self {
            all: node.took.as_secs_f64(),
            restore: node
                .seconds("standfast_snapshot_restore_duration_seconds")
                .await?,
            replay: node.seconds("standfast_catch_up_seconds").await?,
            promotion: node.seconds("standfast_promotion_seconds").await?,
        })
    }

    /// Start of the process, stores, ports, election, first answers.
    pub(super) fn rest(&self) -> f64 {
        self.all - self.restore - self.replay - self.promotion
    }
}
