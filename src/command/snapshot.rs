use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use standfast::node::ClusterStatus;
use standfast_core::{CatalogEntry, NodeId, Role, SnapshotId, SnapshotStore};
use standfast_standby::Sources;
use standfast_wire::v1::CreateSnapshotRequest;
use standfast_wire::v1::admin_service_client::AdminServiceClient;

use super::args::{SnapshotArguments, SnapshotCommand, TargetArguments};
use super::offline::Offline;
use super::{
    Failure, archive, output, prune, restore, snapshot_diff, snapshot_list, snapshot_verify, status,
};

/// How long the leader may take to list a snapshot that was made.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) async fn run(command: SnapshotCommand) -> Result<ExitCode, Failure> {
    match command {
        SnapshotCommand::Create(target) => create(target).await,
        SnapshotCommand::List(arguments) => snapshot_list::run(arguments).await,
        SnapshotCommand::Show(arguments) => show(arguments).await,
        SnapshotCommand::Verify(arguments) => snapshot_verify::run(arguments).await,
        SnapshotCommand::Diff(arguments) => snapshot_diff::run(arguments).await,
        SnapshotCommand::Prune(arguments) => prune::run(arguments).await,
        SnapshotCommand::Restore(arguments) => Box::pin(restore::run(arguments)).await,
        SnapshotCommand::Export(arguments) => archive::export(arguments).await,
        SnapshotCommand::Import(arguments) => archive::import(arguments).await,
    }
}

pub(super) fn store(sources: &Sources) -> Result<&Arc<dyn SnapshotStore>, Failure> {
    let none = "[recovery] mode = \"log\" has no snapshots: set mode = \"hybrid\"";
    Ok(sources.snapshots.as_ref().ok_or(none)?)
}

#[derive(Serialize)]
struct Created {
    id: String,
    seq: u64,
    node: NodeId,
}

async fn create(target: TargetArguments) -> Result<ExitCode, Failure> {
    let status = status::cluster_status(&target).await?;
    let able = |role: Role| status.nodes.iter().find(|node| node.role == role);
    // Without a log a standby has nothing that is not in a snapshot.
    let only = able(Role::Primary).filter(|primary| primary.uncovered_entries.is_some());
    let node = only
        .or_else(|| able(Role::Standby))
        .or_else(|| able(Role::Primary));
    let node = node.ok_or("no node follows or leads at the moment")?;
    let channel = status::connect_patiently(&node.endpoint).await?;
    let answer = AdminServiceClient::new(channel)
        .create_snapshot(CreateSnapshotRequest {})
        .await;
    let answer = answer
        .map_err(|status| status.message().to_owned())?
        .into_inner();
    let created = Created {
        id: answer.id,
        seq: answer.seq,
        node: node.id.clone(),
    };
    until_listed(&target, &created).await?;
    output::print(target.output, &created, |created| {
        format!(
            "snapshot {} at seq {}, made by {}",
            created.id, created.seq, created.node
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Waits until the leader has brought the catalog up to the snapshot: what is not in there is found by nobody.
async fn until_listed(target: &TargetArguments, created: &Created) -> Result<(), Failure> {
    let listed = |status: &ClusterStatus| {
        let mut leader = status
            .nodes
            .iter()
            .filter(|node| node.role == Role::Primary);
        leader
            .any(|node| node.snapshot_seq.0 >= created.seq)
            .then_some(())
    };
    let not_yet = || {
        format!(
            "snapshot {} at seq {} was made by {}, but the catalog did not list it within {PATIENCE:?}: see \
             `standfast status` for who leads, and the log of that node",
            created.id, created.seq, created.node
        )
    };
    Ok(status::wait_for(target, PATIENCE, listed)
        .await
        .ok_or_else(not_yet)?)
}

/// The catalog, if it lists anything.
pub(super) async fn newest(store: &Arc<dyn SnapshotStore>) -> Result<CatalogEntry, Failure> {
    listing(store.newest().await?)
}

/// The same of one that was read.
pub(super) fn listing(entry: Option<CatalogEntry>) -> Result<CatalogEntry, Failure> {
    let none = "there is no snapshot: the catalog lists none yet";
    let entry = entry.filter(|entry| !entry.snapshots.is_empty());
    Ok(entry.ok_or(none)?)
}

async fn show(arguments: SnapshotArguments) -> Result<ExitCode, Failure> {
    let sources = Offline::open(&arguments.config).await?.sources();
    let reader = store(&sources)?.open(&SnapshotId(arguments.id)).await?;
    output::line(serde_json::to_string_pretty(reader.manifest())?)?;
    Ok(ExitCode::SUCCESS)
}
