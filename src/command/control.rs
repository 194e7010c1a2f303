use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use standfast::node::{ClusterStatus, NodeStatus};
use standfast_core::{Epoch, NodeId};
use standfast_wire::v1::admin_service_client::AdminServiceClient;
use standfast_wire::v1::{StepDownRequest, SwitchoverRequest};
use tonic::transport::Channel;

use super::Failure;
use super::args::{SwitchoverArguments, TargetArguments};
use super::{output, status};

/// How long the successor may take to lead.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Serialize)]
struct HandedOver {
    node: String,
    epoch: Epoch,
    pause_ms: f64,
}

/// Who leads, or did until it was told to step down.
#[derive(Serialize)]
struct Led {
    node: NodeId,
    /// In which one.
    epoch: Epoch,
}

pub(super) async fn switchover(arguments: SwitchoverArguments) -> Result<ExitCode, Failure> {
    let (mut primary, led) = primary(&arguments.target).await?;
    let request = SwitchoverRequest { to: arguments.to };
    let answer = primary
        .switchover(request)
        .await
        .map_err(message)?
        .into_inner();
    let epoch = successor(&arguments.target, &answer.node, led.epoch).await?;
    let result = HandedOver {
        node: answer.node,
        epoch,
        pause_ms: answer.pause_ms,
    };
    output::print(arguments.target.output, &result, |result| {
        format!(
            "{} leads in epoch {}; the old primary had given leadership up after {:.1} ms",
            result.node, result.epoch, result.pause_ms
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Waits until a node leads in a later epoch than `old`, and tells in which: it must be `node`.
async fn successor(target: &TargetArguments, node: &str, old: Epoch) -> Result<Epoch, Failure> {
    let next = |status: &ClusterStatus| {
        let leader = status.leader.clone()?;
        (status.epoch > old).then_some((leader, status.epoch))
    };
    match status::wait_for(target, PATIENCE, next).await {
        Some((leader, epoch)) if leader.as_str() == node => Ok(epoch),
        Some((leader, epoch)) => Err(format!(
            "the old primary handed over to {node}, but {leader} leads in epoch {epoch}"
        )
        .into()),
        None => Err(format!(
            "the old primary handed over to {node}, but {node} was not seen to lead within {PATIENCE:?}: see \
             `standfast status` and the log of {node}"
        )
        .into()),
    }
}

pub(super) async fn step_down(target: TargetArguments) -> Result<ExitCode, Failure> {
    let (mut primary, led) = primary(&target).await?;
    primary
        .step_down(StepDownRequest {})
        .await
        .map_err(message)?;
    output::print(target.output, &led, |led| {
        format!(
            "{} has stepped down: it led in epoch {}",
            led.node, led.epoch
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A connection to the node that leads, and what it would give up.
async fn primary(target: &TargetArguments) -> Result<(AdminServiceClient<Channel>, Led), Failure> {
    let leader = leader(target).await?;
    // The node gives up by itself, after its own switchover_timeout.
    let channel = status::connect_patiently(&leader.endpoint).await?;
    let led = Led {
        node: leader.id,
        epoch: leader.epoch,
    };
    Ok((AdminServiceClient::new(channel), led))
}

/// The node that leads.
pub(super) async fn leader(target: &TargetArguments) -> Result<NodeStatus, Failure> {
    let status = status::cluster_status(target).await?;
    let leader = status
        .nodes
        .into_iter()
        .find(|node| Some(&node.id) == status.leader.as_ref());
    Ok(leader.ok_or("nobody leads at the moment")?)
}

/// What the node says, without gRPC's frame around it.
#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
pub(super) fn message(status: tonic::Status) -> Failure {
    status.message().to_owned().into()
}
