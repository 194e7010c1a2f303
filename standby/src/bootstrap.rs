use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;

use parking_lot::Mutex;
use standfast_core::{
    Bounds, Error, ErrorKind, Machine, Position, ReadLimit, Result, Seq, SharedMachine, SnapshotId,
    SnapshotStore,
};
use standfast_snapshots::{Point, Progress, RestorePin, Restored, Restorer, Tried};

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
    /// The newest Position of the catalog, restored or not: a log without it is not this history.
    pub listed: Option<Position>,
    /// What was restored; `None` when the log is complete.
    pub snapshot: Option<SnapshotId>,
    /// Newer snapshots that could not be restored, and why.
    pub passed_over: Vec<Tried>,
    /// Why no snapshot could be restored at all, where there are some and the complete log took their place.
    pub unusable: Option<Error>,
}

impl Bootstrapped {
    /// A state that this node has kept.
    pub fn kept(machine: SharedMachine) -> Self {
        let origin = machine.lock().position();
        Self {
            machine,
            origin,
            pin: None,
            listed: None,
            snapshot: None,
            passed_over: Vec::new(),
            unusable: None,
        }
    }
}

/// Makes a state to follow the log from: of the newest snapshot that can be restored, else of the complete log.
///
/// # Errors
/// `Corrupt` when no snapshot can be restored and the log is not complete; `Trimmed` when there is no snapshot and
/// the log does not begin at its beginning; `LogRegressed` when it begins with something else: nobody serves an empty
/// state as good.
///
/// # Cancel safety
/// Cancel safe: a pin may stay, and ages.
pub async fn bootstrap(sources: &Sources) -> Result<Bootstrapped> {
    let tell = |progress| tracing::debug!(?progress, "restoring");
    begin_with(sources, |all| all.on_progress(tell), pin!(pending())).await
}

/// The same for a tool: without what is of later than `point`, and also where no pin may be written. What is in the log
/// behind is not looked at. `Cancelled` when `stop` is ready before a snapshot is restored.
pub(crate) async fn bootstrap_up_to(
    sources: &Sources,
    point: Point,
    tell: impl Fn(Progress) + Send + Sync + 'static,
    stop: Pin<&mut (dyn Future<Output = ()> + Send)>,
) -> Result<Bootstrapped> {
    let as_tool = |all: Restorer| all.up_to(point).even_unpinned().on_progress(tell);
    Box::pin(begin_with(sources, as_tool, stop)).await
}

async fn begin_with(
    sources: &Sources,
    settings: impl FnOnce(Restorer) -> Restorer,
    stop: Pin<&mut (dyn Future<Output = ()> + Send)>,
) -> Result<Bootstrapped> {
    let (restored, listed) = match &sources.snapshots {
        Some(snapshots) => {
            let listed = newest_listed(&**snapshots).await?;
            let restorer = settings(restorer(sources, snapshots));
            (from_snapshot(sources, &restorer, stop).await, listed)
        }
        None => (Ok(None), None),
    };
    let mut begun = match restored {
        Ok(Some(restored)) => {
            let Restored {
                machine,
                manifest,
                pin,
                damaged,
            } = restored;
            tracing::info!(snapshot = %manifest.id, position = %manifest.position, "restored");
            let mut begun = begin(machine, Some(pin));
            begun.snapshot = Some(manifest.id);
            begun.passed_over = damaged;
            begun
        }
        Ok(None) => complete_log(sources, None, listed).await?,
        Err(error) if *error.kind() == ErrorKind::Corrupt => {
            complete_log(sources, Some(error), listed).await?
        }
        Err(error) => return Err(error),
    };
    begun.listed = listed;
    match sources.oplog.skips().await {
        Ok(skips) => begun.machine.lock().pass_over(skips),
        Err(error) => {
            if let Some(pin) = begun.pin.take() {
                pin.let_go().await;
            }
            return Err(error);
        }
    }
    Ok(begun)
}

/// Where the newest snapshot of the catalog stands. A catalog that is damaged tells nothing.
async fn newest_listed(snapshots: &dyn SnapshotStore) -> Result<Option<Position>> {
    match snapshots.newest().await {
        Ok(entry) => Ok(entry.and_then(|entry| entry.newest().map(|listed| listed.position))),
        Err(error) if *error.kind() == ErrorKind::Corrupt => {
            tracing::warn!(%error, "the catalog cannot say which history the log must be of");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn restorer(sources: &Sources, snapshots: &Arc<dyn SnapshotStore>) -> Restorer {
    let holder = format!(
        "{}-{:016x}",
        sources.candidate.node,
        sources.clock.now().nanos()
    );
    Restorer::new(Arc::clone(snapshots), sources.policy.clone(), holder)
}

async fn from_snapshot(
    sources: &Sources,
    restorer: &Restorer,
    stop: Pin<&mut (dyn Future<Output = ()> + Send)>,
) -> Result<Option<Restored>> {
    let empty = sources.genesis();
    let empty = Mutex::new(empty);
    let empty = || empty.lock().begin_restore();
    restorer.restore_until(empty, stop).await
}

/// Genesis, if the log still holds everything since.
async fn complete_log(
    sources: &Sources,
    damaged: Option<Error>,
    listed: Option<Position>,
) -> Result<Bootstrapped> {
    let bounds = sources.oplog.bounds().await?;
    if bounds.floor > Seq(1) {
        if damaged.is_none() && listed.is_none() && !sources.log_outlives_term() {
            return Err(Error::new(ErrorKind::Unavailable, "bootstrap")
                .context("the first snapshot was listed just now"));
        }
        let gone = format!(
            "entries 1 to {} are no longer in the log",
            bounds.floor.0 - 1
        );
        let trimmed = Error::new(
            ErrorKind::Trimmed {
                floor: bounds.floor,
            },
            "bootstrap",
        );
        return Err(match damaged {
            Some(error) => error.context(format!(
                "{gone}: put back the damaged objects, or begin anew with an export (`standfast snapshot import`)"
            )),
            None if listed.is_some() => trimmed.context(format!("every snapshot is of later, and {gone}")),
            None => trimmed.context(format!(
                "there is no snapshot to begin with, and {gone}: point [snapshots] at the bucket that has them"
            )),
        });
    }
    let is_empty = check_beginning(sources, &bounds).await?;
    // Where the catalog can be read, whoever begins here is told how far the log went.
    if is_empty
        && listed.is_none()
        && let Some(error) = damaged
    {
        return Err(error.context(
            "there was a snapshot, so a log without any entry is not complete: put back the log, or the damaged object",
        ));
    }
    if let Some(error) = &damaged {
        tracing::warn!(%error, "no snapshot can be restored; replaying the complete log");
    }
    let mut begun = begin(sources.genesis(), None);
    begun.unusable = damaged;
    Ok(begun)
}

/// A complete log begins with the term that began on this cluster's genesis, or with nothing: tells whether with nothing.
async fn check_beginning(sources: &Sources, bounds: &Bounds) -> Result<bool> {
    let genesis = Position::genesis(sources.cluster);
    let first = sources
        .oplog
        .read(bounds.before_floor, ReadLimit::ONE)
        .await?;
    let Some(first) = first.first() else {
        return Ok(true);
    };
    let begins = match first.epoch_start()? {
        Some(start) if start.previous == genesis => return Ok(false),
        Some(start) => format!("the term that began behind {}", start.previous),
        None => format!("op type {}", first.first_entry()?.op_type),
    };
    Err(Error::new(ErrorKind::LogRegressed, "bootstrap").context(format!(
        "the log is not complete: it begins with {begins}, and not with the term that began behind {genesis}"
    )))
}

fn begin(machine: Machine, pin: Option<RestorePin>) -> Bootstrapped {
    let origin = machine.position();
    Bootstrapped {
        machine: Arc::new(Mutex::new(machine)),
        origin,
        pin,
        listed: None,
        snapshot: None,
        passed_over: Vec::new(),
        unusable: None,
    }
}
