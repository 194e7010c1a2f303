use std::time::Duration;

use standfast_core::{Epoch, Leadership};
use standfast_standby::Sources;

use super::Failure;

/// How long a leader that has gone may hold the election.
const PATIENCE: Duration = Duration::from_mins(1);

/// Wins the election above `at_least` and the log's epoch, so that nobody leads meanwhile.
pub(crate) async fn elected(
    sources: &Sources,
    at_least: Epoch,
) -> Result<Box<dyn Leadership>, Failure> {
    // A log that cannot be read refuses a lower epoch by itself.
    let log = sources.oplog.bounds().await.map(|bounds| bounds.epoch);
    let announced = sources.election.announced().await?;
    let at_least = at_least.max(announced).max(log.unwrap_or_default());
    let campaign = sources.election.campaign(&sources.candidate, at_least);
    match tokio::time::timeout(PATIENCE, campaign).await {
        Ok(elected) => Ok(elected?),
        Err(_elapsed) => Err(format!(
            "somebody holds the election and did not let go of it within {PATIENCE:?}: stop all nodes, see \
             `standfast status`"
        )
        .into()),
    }
}
