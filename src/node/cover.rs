use std::time::Duration;

use standfast_core::{Error, ErrorKind, Position, Result};
use standfast_master::{HeldIntake, TermHandle};
use standfast_snapshots::SnapshotterHandle;

use super::shared::Shared;

/// How long a node that stops may take for its last snapshot.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);

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
    let begun = shared.clock.now();
    let held = term.close_intake(patience).await?;
    let left = patience.saturating_sub(shared.clock.now().since(begun));
    covered(shared, term, left).await?;
    Ok(Some(held))
}

/// Has the catalog list a snapshot of everything that the term has committed, read back and found good, and returns where
/// that stands. Intake must be closed, or there is no end to it. What fails is tried again.
///
/// # Errors
/// `Timeout` when there is none in time, from what failed last.
///
/// # Cancel safety
/// Cancel safe: a snapshot may be made all the same.
pub(crate) async fn covered(
    shared: &Shared,
    term: &TermHandle,
    patience: Duration,
) -> Result<Position> {
    let mut failed = None;
    let made = async {
        loop {
            match make(shared, term).await {
                Ok(position) => return position,
                Err(error) => {
                    tracing::warn!(%error, "the last snapshot failed; trying again");
                    failed = Some(error);
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let made = tokio::time::timeout(patience, made).await;
    made.map_err(|elapsed| {
        let error = Error::new(ErrorKind::Timeout, "make last snapshot").context(format!(
            "no snapshot of all that was acknowledged was listed within {patience:?}: raise [oplog] switchover_timeout"
        ));
        match failed {
            Some(failed) => error.source(failed),
            None => error.source(elapsed),
        }
    })
}

/// One try.
async fn make(shared: &Shared, term: &TermHandle) -> Result<Position> {
    let mut listed = shared.snapshots.subscribe();
    loop {
        let verified = listed.borrow_and_update().verified;
        if verified.seq >= term.progress().applied {
            return Ok(verified);
        }
        let made = snapshotter(shared).await?.create_now().await?;
        shared.listing.notify_one();
        let seq = made.position.seq;
        let is_listed = listed.wait_for(|catalogued| catalogued.verified.seq >= seq);
        is_listed
            .await
            .map_err(|source| Error::new(ErrorKind::Closed, "make last snapshot").source(source))?;
    }
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

/// The same on the way out: a node that was told to stop stops, whatever comes of it.
///
/// # Errors
/// As [`cover`]; it was told, and what is lost.
pub(crate) async fn cover_before_the_end(
    shared: &Shared,
    term: &TermHandle,
) -> Result<Option<HeldIntake>> {
    cover(shared, term, PATIENCE).await.map_err(|error| {
        let newest = shared.snapshots.borrow().verified.seq;
        let lost = term.progress().applied.since(newest);
        tracing::error!(%error, %newest, entries = lost, "the last snapshot failed; what came after the newest is lost");
        error.context(format!("{lost} entries after {newest} are lost"))
    })
}
