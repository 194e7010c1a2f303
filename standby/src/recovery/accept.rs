use std::sync::Arc;

use standfast_core::{
    Error, ErrorKind, Leadership, OpLogWriter, Position, ReadLimit, Result, Seq, SnapshotId,
};
use standfast_snapshots::{Cataloguer, Committed, MachineLineage, Publisher, Snapshotter};
use tokio::sync::watch;

use super::cold_start::{ColdStart, Lost};
use crate::high_water::HighWater;
use crate::promotion::epoch_start;
use crate::sources::Sources;

/// A loss that was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// What was given up.
    pub lost: Lost,
    /// End of the history that goes on.
    pub previous: Position,
    /// The unclean EpochStart behind it.
    pub start: Position,
    /// Snapshots that are not listed any more.
    pub retired: Vec<SnapshotId>,
    /// Whether the log was begun anew behind `previous`; what it held before is not read any more.
    pub begun_anew: bool,
}

/// Makes what is left the history that goes on: an EpochStart marked unclean says so in the log, and whoever has seen more
/// committed learns of the loss from it. Where terms leave no entry behind nobody does: a node that has seen a later snapshot
/// stands still and says so ([`HighWater::check_newest`]), until its own loss is accepted. `None` when nothing is lost after
/// all: the end of the log was only not settled.
///
/// # Errors
/// `Fenced` when another leads; `Unsupported` when the log would have to begin anew and its store cannot do that;
/// `Config` when it would have to and there is no bucket to hold the state it begins with; those of the stores.
///
/// # Durability
/// Durable on return; cut short, it is done again from the beginning.
///
/// # Cancel safety
/// Not cancel safe: the fence may stay, and the catalog may be without what was not restored.
pub async fn accept_loss(
    sources: &Sources,
    cold: &mut ColdStart,
    high_water: &mut HighWater,
    leadership: &dyn Leadership,
) -> Result<Option<Accepted>> {
    let token = leadership.token();
    let mut writer = None;
    if cold.broken.is_none() {
        let mut settled = sources.oplog.open_writer(token).await?;
        drain(&mut *settled, cold, high_water).await?;
        writer = Some(settled);
    }
    let Some(lost) = cold.lost(high_water) else {
        return Ok(None);
    };
    let previous = cold.end();
    let retired = retire(sources, cold, leadership).await?;
    let outlives = sources.log_outlives_term();
    let begun_anew = writer.is_none() && outlives;
    let mut writer = if let Some(writer) = writer {
        writer
    } else {
        keep_state(sources, cold, leadership).await?;
        sources.oplog.begin_at(token, previous).await?;
        sources.oplog.open_writer(token).await?
    };
    let batch = epoch_start(sources, &cold.state.machine, leadership, true)?;
    let start = writer.append(&batch).await?;
    writer.mark_committed().await?;
    writer.close().await?;
    high_water.give_up(start.epoch);
    if outlives {
        high_water.raise(start);
    } else if previous.seq > Seq::ZERO {
        high_water.raise(previous);
    }
    Ok(Some(Accepted {
        lost,
        previous,
        start,
        retired,
        begun_anew,
    }))
}

/// Applies what fencing settled.
async fn drain(
    writer: &mut dyn OpLogWriter,
    cold: &mut ColdStart,
    high_water: &mut HighWater,
) -> Result<()> {
    while cold.end() != writer.tail() {
        let batches = writer.settled(cold.end(), ReadLimit::default()).await?;
        if batches.is_empty() {
            return Err(Error::new(ErrorKind::Gap, "accept loss").context(format!(
                "the log gives nothing after {}, but it ends at {}",
                cold.end(),
                writer.tail()
            )));
        }
        cold.apply(&batches, high_water)?;
    }
    Ok(())
}

fn cataloguer(
    sources: &Sources,
    cold: &ColdStart,
    leadership: &dyn Leadership,
) -> Option<Cataloguer> {
    let store = Arc::clone(sources.snapshots.as_ref()?);
    let machine = Arc::clone(&cold.state.machine);
    let (_, committed) = watch::channel(cold.end());
    let lineage = Arc::new(MachineLineage::new(machine, committed));
    let (token, policy) = (leadership.token().clone(), sources.policy.clone());
    Some(Cataloguer::new(store, token, policy, lineage))
}

/// Takes out of the catalog what is newer than what was restored: it could not be read, or is of the history that is given
/// up.
async fn retire(
    sources: &Sources,
    cold: &ColdStart,
    leadership: &dyn Leadership,
) -> Result<Vec<SnapshotId>> {
    let Some(mut cataloguer) = cataloguer(sources, cold, leadership) else {
        return Ok(Vec::new());
    };
    let restored = cold.state.snapshot.as_ref();
    cataloguer.abandon_newer(restored).await
}

/// A log that begins anew gives back only what a snapshot holds: one of this state has to be listed first.
async fn keep_state(
    sources: &Sources,
    cold: &ColdStart,
    leadership: &dyn Leadership,
) -> Result<()> {
    if cold.end() == cold.state.origin && cold.state.snapshot.is_some() {
        return Ok(());
    }
    let parts = (
        sources.snapshots.clone(),
        cataloguer(sources, cold, leadership),
    );
    let (Some(store), Some(mut cataloguer)) = parts else {
        return Err(Error::new(ErrorKind::Config, "accept loss").context(
            "the log has to begin anew, and there is no bucket that could hold what it begins with: set [snapshots] and \
             [recovery] mode = \"hybrid\"",
        ));
    };
    let node = sources.candidate.node.clone();
    let publisher = Publisher::new(store, node, sources.policy.clone());
    let machine = Arc::clone(&cold.state.machine);
    let snapshotter = Snapshotter::start(publisher, machine, Committed::Already);
    let made = snapshotter.handle().create().await;
    snapshotter.shutdown().await;
    let made = made?;
    let entry = cataloguer.round().await?.entry;
    if entry.find(&made.id).is_some() {
        return Ok(());
    }
    Err(
        Error::new(ErrorKind::Unavailable, "accept loss").context(format!(
            "snapshot {} was made and is not listed: try again",
            made.id
        )),
    )
}
