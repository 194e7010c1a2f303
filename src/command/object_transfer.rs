use std::process::ExitCode;

use clap::Args;
use standfast_metadata::{Placed, TransferKind};

use super::Failure;
use super::object::{ClusterArguments, bytes, conclude, distinct};
use super::segment::named;
use super::text;

#[derive(Debug, Args)]
pub(crate) struct TransferArguments {
    /// The keys
    #[arg(required = true)]
    keys: Vec<String>,
    /// Names or ids of the segments that get a replica, with commas; one for a move
    #[arg(long, value_name = "SEGMENT", value_delimiter = ',', required = true)]
    to: Vec<String>,
    /// Name or id of the segment whose replica is read; any, if not given
    #[arg(long, value_name = "SEGMENT")]
    from: Option<String>,
    /// The tenant
    #[arg(long, default_value = "default", value_parser = text::tenant)]
    tenant: String,
    #[command(flatten)]
    cluster: ClusterArguments,
}

pub(super) async fn run(
    kind: TransferKind,
    arguments: &TransferArguments,
) -> Result<ExitCode, Failure> {
    distinct(&arguments.keys)?;
    let client = arguments.cluster.connect(&arguments.tenant).await?;
    let to: Vec<_> = named(&client, &arguments.to).await?;
    let to: Vec<_> = to.iter().map(|info| info.id).collect();
    let from = arguments.from.as_slice();
    let from = named(&client, from).await?.first().map(|info| info.id);
    let results = client
        .transfer(kind, &bytes(&arguments.keys), from, &to)
        .await?;
    let results = results.into_iter().map(|result| {
        result.map(|transfer| {
            Some(Placed {
                checksum: None,
                replicas: transfer.targets,
            })
        })
    });
    conclude(arguments.cluster.output, &arguments.keys, results)
}
