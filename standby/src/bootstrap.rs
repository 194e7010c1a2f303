use std::sync::Arc;

use parking_lot::Mutex;
use standfast_core::{
    Error, ErrorKind, Machine, Position, Result, Seq, SharedMachine, SnapshotStore,
};
use standfast_snapshots::{RestorePin, Restored, Restorer};

use crate::sources::Sources;

/// A state from which the log can be followed.
#[derive(Debug)]
pub struct Bootstrapped {
    /// The state.
    pub machine: SharedMachine,
    /// Where it began: the snapshot's Position, or genesis.
    pub origin: Position,
    /// Holds the snapshot and the log behind it: release it when the suffix was replayed.
    pub pin: Option<RestorePin>,
}

impl Bootstrapped {
    /// A state that this node has kept.
    pub fn kept(machine: SharedMachine) -> Self {
        let origin = machine.lock().position();
        Self {
            machine,
            origin,
            pin: None,
        }
    }
}

/// Makes a state to follow the log from: of the newest snapshot that can be restored, else of the complete log.
///
/// # Errors
/// `Corrupt` when no snapshot can be restored and the log is not complete; `Trimmed` when there is no snapshot and
/// the log does not begin at its beginning: nobody serves an empty state as good.
///
/// # Cancel safety
/// Cancel safe: a pin may stay, and ages.
pub async fn bootstrap(sources: &Sources) -> Result<Bootstrapped> {
    let restored = match &sources.snapshots {
        Some(snapshots) => from_snapshot(sources, snapshots).await,
        None => Ok(None),
    };
    match restored {
        Ok(Some(restored)) => {
            let Restored {
                machine,
                manifest,
                pin,
                ..
            } = restored;
            tracing::info!(snapshot = %manifest.id, position = %manifest.position, "restored");
            Ok(begin(machine, Some(pin)))
        }
        Ok(None) => complete_log(sources, None).await,
        Err(error) if *error.kind() == ErrorKind::Corrupt => {
            complete_log(sources, Some(error)).await
        }
        Err(error) => Err(error),
    }
}

async fn from_snapshot(
    sources: &Sources,
    snapshots: &Arc<dyn SnapshotStore>,
) -> Result<Option<Restored>> {
    let holder = format!(
        "{}-{:016x}",
        sources.candidate.node,
        sources.clock.now().nanos()
    );
    let restorer = Restorer::new(Arc::clone(snapshots), sources.policy.clone(), holder)
        .on_progress(|progress| tracing::info!(?progress, "restoring"));
    let empty = sources.genesis();
    let empty = Mutex::new(empty);
    restorer.restore(|| empty.lock().begin_restore()).await
}

/// Genesis, if the log still holds everything since.
async fn complete_log(sources: &Sources, damaged: Option<Error>) -> Result<Bootstrapped> {
    let bounds = sources.oplog.bounds().await?;
    if bounds.floor > Seq(1) {
        return Err(damaged.unwrap_or_else(|| {
            Error::new(ErrorKind::Trimmed { floor: bounds.floor }, "bootstrap").context(format!(
                "there is no snapshot to begin with, and entries 1 to {} are no longer in the log: point \
                 [snapshots] at the bucket that has them",
                bounds.floor.0 - 1
            ))
        }));
    }
    if let Some(error) = damaged {
        tracing::warn!(%error, "no snapshot can be restored; replaying the complete log");
    }
    Ok(begin(sources.genesis(), None))
}

fn begin(machine: Machine, pin: Option<RestorePin>) -> Bootstrapped {
    let origin = machine.position();
    Bootstrapped {
        machine: Arc::new(Mutex::new(machine)),
        origin,
        pin,
    }
}
