use std::time::Duration;

use standfast_core::{Error, ErrorKind, Position, Result};
use standfast_master::{HeldIntake, TermHandle};
use standfast_snapshots::SnapshotterHandle;

use super::shared::Shared;

/// How long a node that stops may take for its last snapshot.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the log ends with the term: closes intake, and has the catalog list a snapshot of everything that was acknowledged.
/// Elsewhere the log holds it: nothing to do. Intake opens again when what it returns is dropped, unless the term was
/// stopped by then.
///
/// # Errors
/// `Timeout` when that takes longer than `patience`; as making a snapshot.
///
/// # Cancel safety
/// Cancel safe: intake opens again; a snapshot may be made all the same.
pub(crate) async fn cover(
    shared: &Shared,
    term: &TermHandle,
    patience: Duration,
) -> Result<Option<HeldIntake>> {
    if shared.sources.log_outlives_term() {
        return Ok(None);
    }
    let held = term.close_intake(patience).await?;
    covered(shared, term, patience).await?;
    Ok(Some(held))
}

/// Has the catalog list a snapshot of everything that the term has committed, its upkeep included, and returns where that
/// stands. Intake must be closed, or there is no end to it.
///
/// # Errors
/// As [`cover`].
///
/// # Cancel safety
/// Cancel safe: a snapshot may be made all the same.
pub(crate) async fn covered(
    shared: &Shared,
    term: &TermHandle,
    patience: Duration,
) -> Result<Position> {
    let mut listed = shared.snapshots.subscribe();
    let made = async {
        loop {
            let newest = listed.borrow_and_update().newest;
            if newest.seq >= term.progress().applied {
                return Ok(newest);
            }
            let made = snapshotter(shared).await?.create_now().await?;
            shared.listing.notify_one();
            let seq = made.position.seq;
            let is_listed = listed.wait_for(|catalogued| catalogued.newest.seq >= seq);
            is_listed.await.map_err(|source| {
                Error::new(ErrorKind::Closed, "make last snapshot").source(source)
            })?;
        }
    };
    tokio::time::timeout(patience, made)
        .await
        .map_err(|source| {
            Error::new(ErrorKind::Timeout, "make last snapshot")
                .context(format!(
                    "no snapshot of all that was acknowledged was listed within {patience:?}: raise [oplog] \
                     switchover_timeout"
                ))
                .source(source)
        })?
}

/// The one that the snapshot task of a leader starts.
async fn snapshotter(shared: &Shared) -> Result<SnapshotterHandle> {
    let mut running = shared.snapshotter.subscribe();
    let running = running.wait_for(Option::is_some).await;
    running
        .ok()
        .and_then(|running| running.clone())
        .ok_or_else(|| Error::new(ErrorKind::Closed, "make last snapshot"))
}

/// The same on the way out, whatever comes of it: a node that was told to stop stops.
pub(crate) async fn cover_before_the_end(shared: &Shared, term: &TermHandle) -> Option<HeldIntake> {
    match cover(shared, term, PATIENCE).await {
        Ok(held) => held,
        Err(error) => {
            let newest = shared.snapshots.borrow().newest.seq;
            let lost = term.progress().applied.since(newest);
            tracing::error!(%error, %newest, entries = lost, "the last snapshot failed; what came after the newest is lost");
            None
        }
    }
}
