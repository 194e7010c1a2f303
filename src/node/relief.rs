use std::time::Duration;

use standfast_core::{Seq, SharedMachine};
use standfast_master::TermHandle;
use standfast_snapshots::{Cataloguer, Committed, Publisher, Snapshotter};
use tokio::time::Instant;

/// Pause after a snapshot that failed, and after as many as a trim relies on.
const REST: Duration = Duration::from_secs(5);

/// Makes what a trim relies on when the log has reached its limit: complete snapshots of where it stands. It would wait
/// for them for ever: layers on what was there keep the log behind them, and without writes no snapshot is due.
#[derive(Debug)]
pub(super) struct Relief {
    /// Where the log stood when it reached its limit.
    since: Option<Seq>,
    rests_until: Instant,
    /// How many a trim relies on.
    wanted: usize,
    made: usize,
}

impl Relief {
    pub(super) fn new(wanted: usize) -> Self {
        Self {
            since: None,
            rests_until: Instant::now(),
            wanted,
            made: 0,
        }
    }

    /// Whether a snapshot is to be made: the log is at its limit, and those that a trim needs are not all there.
    pub(super) async fn is_due(&mut self, term: &TermHandle, cataloguer: &mut Cataloguer) -> bool {
        let is_over = term.over_limit();
        cataloguer.list_twins(is_over);
        if !is_over {
            self.since = None;
            self.made = 0;
            return false;
        }
        let since = *self
            .since
            .get_or_insert_with(|| term.committed_position().seq);
        if Instant::now() < self.rests_until {
            return false;
        }
        match cataloguer.relies_from(since).await {
            Ok(is_enough) => {
                if is_enough {
                    // Whatever keeps the log from there, snapshots do not: or it has come to its limit anew.
                    self.since = None;
                }
                !is_enough
            }
            Err(error) => {
                tracing::warn!(%error, "the catalog was not read");
                false
            }
        }
    }

    /// Makes one. Nothing else must make snapshots of this state meanwhile.
    ///
    /// # Cancel safety
    /// Cancel safe: an upload in progress is given up and collected one day.
    pub(super) async fn make(
        &mut self,
        publisher: Publisher,
        machine: SharedMachine,
        term: &TermHandle,
    ) {
        let committed = Committed::When(term.committed());
        let snapshotter = Snapshotter::start(publisher.without_layers(), machine, committed);
        let made = snapshotter.handle().create().await;
        snapshotter.shutdown().await;
        match &made {
            Ok(manifest) => {
                self.made += 1;
                tracing::info!(snapshot = %manifest.id, "made a complete snapshot, to trim the log");
            }
            Err(error) => {
                tracing::warn!(%error, "the snapshot to trim the log behind failed");
            }
        }
        // More than are wanted are made when one could not be proved.
        if made.is_err() || self.made.is_multiple_of(self.wanted) {
            self.rests_until = Instant::now() + REST;
        }
    }
}
