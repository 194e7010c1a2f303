use std::time::Duration;

use standfast_core::{Error, ErrorKind, Result, SnapshotStore};
use standfast_snapshots::Tried;
use tokio::time::Instant;

use crate::bootstrap::Bootstrapped;
use crate::follow::pause;
use crate::sources::Sources;

/// How often the catalog is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// For how long nobody may lead once somebody did: more than a failover takes.
const FAILOVER: Duration = Duration::from_secs(10);

/// Waits until the newest snapshot of the catalog is one that `state` was not tried with: an older one than the newest, which
/// is damaged, is of use only with the entries after it, and begun with it again and again, it would never be followed.
///
/// # Errors
/// `Corrupt` when nobody leads, who could make another; those of the stores.
///
/// # Cancel safety
/// Cancel safe: changes nothing.
pub(crate) async fn wait_for_another(sources: &Sources, state: &Bootstrapped) -> Result<()> {
    let (Some(snapshots), false) = (&sources.snapshots, state.passed_over.is_empty()) else {
        return Ok(());
    };
    let mut led: Option<Instant> = None;
    loop {
        let (leads, tried) = match look(sources, &**snapshots, state).await {
            Ok(seen) => seen,
            Err(error) => {
                pause(error).await?;
                continue;
            }
        };
        let Some(tried) = tried else {
            return Ok(());
        };
        if leads {
            if led.is_none() {
                tracing::warn!(
                    "snapshot {} cannot be restored: {}; waiting for the leader's next one",
                    tried.snapshot,
                    tried.error
                );
            }
            led = Some(Instant::now());
        } else if led.is_none_or(|led| led.elapsed() > FAILOVER) {
            return Err(nobody_makes_another(tried, state));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether somebody serves, and the newest snapshot, if it is one that was passed over.
async fn look<'a>(
    sources: &Sources,
    snapshots: &dyn SnapshotStore,
    state: &'a Bootstrapped,
) -> Result<(bool, Option<&'a Tried>)> {
    // In this order: what a leader listed before it went is seen.
    let leader = sources.election.current().await?;
    let entry = snapshots.newest().await?;
    let newest = entry.as_ref().and_then(|entry| entry.newest());
    let is_newest = |tried: &&Tried| newest.is_some_and(|newest| newest.id == tried.snapshot);
    let tried = state.passed_over.iter().find(is_newest);
    Ok((leader.is_some_and(|leader| leader.serving), tried))
}

fn nobody_makes_another(tried: &Tried, state: &Bootstrapped) -> Error {
    Error::new(ErrorKind::Corrupt, "bootstrap").context(format!(
        "snapshot {} cannot be restored: {}; an older one stands at {}, but what came after it is in no log, and nobody \
         leads who could make another: put the newest back, or see what is left with `standfast recover --plan`",
        tried.snapshot, tried.error, state.origin
    ))
}
