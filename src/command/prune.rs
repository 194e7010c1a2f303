use std::process::ExitCode;

use serde::Serialize;
use standfast::config::Config;
use standfast_core::{Seq, SnapshotId};
use standfast_wire::v1::PruneSnapshotsRequest;
use standfast_wire::v1::admin_service_client::AdminServiceClient;

use super::args::{PruneArguments, TargetArguments};
use super::{Failure, control, output, status};

#[derive(Serialize)]
struct Pruned {
    dry_run: bool,
    retired: Vec<Retired>,
    bytes: u64,
    deleted_objects: u64,
}

#[derive(Serialize)]
struct Retired {
    id: SnapshotId,
    seq: Seq,
    rows: u64,
    bytes: u64,
}

/// Only the leader wins catalog entries: it is asked to, by the limits of the configuration that is named, which need
/// not be those that it was started with.
pub(super) async fn run(arguments: PruneArguments) -> Result<ExitCode, Failure> {
    let registry = standfast_backends::builtin();
    let config = Config::load(&arguments.config.config, &registry)?;
    let none = "[recovery] mode = \"log\" has no snapshots: there is nothing to prune";
    let (_, policy) = config.snapshots.as_ref().ok_or(none)?;
    let request = PruneSnapshotsRequest {
        keep: policy.keep as u64,
        keep_for_ms: u64::try_from(policy.keep_for.0.as_millis())?,
        dry_run: arguments.dry_run,
    };
    let target = TargetArguments {
        endpoint: Vec::new(),
        config: Some(arguments.config.config),
        discover: None,
        output: arguments.config.output,
    };
    let leader = control::leader(&target).await?;
    let channel = status::connect_patiently(&leader.endpoint).await?;
    let answer = AdminServiceClient::new(channel)
        .prune_snapshots(request)
        .await
        .map_err(control::message)?
        .into_inner();
    let retired = answer.retired.into_iter().map(|retired| Retired {
        id: SnapshotId(retired.id),
        seq: Seq(retired.seq),
        rows: retired.rows,
        bytes: retired.bytes,
    });
    let retired: Vec<_> = retired.collect();
    let pruned = Pruned {
        dry_run: arguments.dry_run,
        bytes: retired.iter().map(|retired| retired.bytes).sum(),
        retired,
        deleted_objects: answer.deleted_objects,
    };
    output::print(target.output, &pruned, describe)?;
    Ok(ExitCode::SUCCESS)
}

fn describe(pruned: &Pruned) -> String {
    let mut table = output::table(&["snapshot", "seq", "rows", "bytes"]);
    for retired in &pruned.retired {
        table.add_row([
            retired.id.to_string(),
            retired.seq.to_string(),
            retired.rows.to_string(),
            retired.bytes.to_string(),
        ]);
    }
    let (count, bytes) = (pruned.retired.len(), pruned.bytes);
    if pruned.dry_run {
        return format!("{table}\nwould retire {count} snapshots of {bytes} bytes");
    }
    format!(
        "{table}\nretired {count} snapshots of {bytes} bytes, deleted {} objects",
        pruned.deleted_objects
    )
}
