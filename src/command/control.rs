use std::process::ExitCode;

use serde::Serialize;
use standfast_wire::v1::admin_service_client::AdminServiceClient;
use standfast_wire::v1::{StepDownRequest, SwitchoverRequest};
use tonic::transport::Channel;

use super::Failure;
use super::args::{SwitchoverArguments, TargetArguments};
use super::{output, status};

#[derive(Serialize)]
struct HandedOver {
    node: String,
    pause_ms: f64,
}

pub(super) async fn switchover(arguments: SwitchoverArguments) -> Result<ExitCode, Failure> {
    let mut primary = primary(&arguments.target).await?;
    let request = SwitchoverRequest { to: arguments.to };
    let answer = primary
        .switchover(request)
        .await
        .map_err(message)?
        .into_inner();
    let result = HandedOver {
        node: answer.node,
        pause_ms: answer.pause_ms,
    };
    output::print(arguments.target.output, &result, |result| {
        format!(
            "handed over to {}; writes waited {:.1} ms here",
            result.node, result.pause_ms
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn step_down(target: TargetArguments) -> Result<ExitCode, Failure> {
    primary(&target)
        .await?
        .step_down(StepDownRequest {})
        .await
        .map_err(message)?;
    output::line("the primary has stepped down")?;
    Ok(ExitCode::SUCCESS)
}

async fn primary(target: &TargetArguments) -> Result<AdminServiceClient<Channel>, Failure> {
    let status = status::cluster_status(target).await?;
    let leader = status
        .nodes
        .iter()
        .find(|node| Some(&node.id) == status.leader.as_ref());
    let leader = leader.ok_or("nobody leads at the moment")?;
    Ok(AdminServiceClient::new(
        status::connect(&leader.endpoint).await?,
    ))
}

/// What the node says, without gRPC's frame around it.
#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn message(status: tonic::Status) -> Failure {
    status.message().to_owned().into()
}
