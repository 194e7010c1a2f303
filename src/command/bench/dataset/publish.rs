use std::sync::Arc;

use standfast_core::{CaptureWhen, SharedMachine};
use standfast_master::TermHandle;
use standfast_snapshots::{Cataloguer, Committed, MachineLineage, Publisher};
use standfast_standby::Sources;
use tokio::sync::oneshot;

use crate::command::Failure;

/// Makes a snapshot of the state as it is, and lists it.
pub(super) async fn snapshot(
    sources: &Sources,
    machine: &SharedMachine,
    term: &TermHandle,
) -> Result<(), Failure> {
    let store = sources.snapshots.clone().ok_or("there is no bucket")?;
    let (reply, captured) = oneshot::channel();
    machine.lock().want_capture(CaptureWhen::BatchEnd, reply);
    let captured = captured.await?;
    let node = sources.candidate.node.clone();
    let publisher = Publisher::new(Arc::clone(&store), node, sources.policy.clone());
    let committed = Committed::When(term.committed());
    publisher.publish(captured, machine, committed).await?;
    let lineage = Arc::new(MachineLineage::new(Arc::clone(machine), term.committed()));
    let mut cataloguer =
        Cataloguer::new(store, term.token().clone(), sources.policy.clone(), lineage);
    let round = cataloguer.round().await?;
    if round.entry.snapshots.is_empty() {
        return Err("the snapshot was not listed".into());
    }
    Ok(())
}
