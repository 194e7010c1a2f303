use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;
use standfast_core::ByteSize;
use standfast_metadata::{MetadataClient, Quota, TenantUsage};

use super::Failure;
use super::object::ClusterArguments;
use super::{output, text};

#[derive(Debug, Subcommand)]
pub(crate) enum QuotaCommand {
    /// Set what a tenant may hold, in place of what was set before; what it holds already stays
    Set(SetArguments),
    /// Let a tenant hold anything again
    Remove(TenantArguments),
    /// List the tenants that hold objects or have a quota: what they hold, and may hold
    List(ClusterArguments),
}

#[derive(Debug, Args)]
pub(crate) struct TenantArguments {
    /// The tenant
    #[arg(long, value_parser = text::tenant)]
    tenant: String,
    #[command(flatten)]
    cluster: ClusterArguments,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("limits").required(true).multiple(true))]
pub(crate) struct SetArguments {
    #[command(flatten)]
    of: TenantArguments,
    /// Most bytes, of all replicas of all its objects and of those that copies and moves are making; no limit when it is left out
    #[arg(long, value_name = "SIZE", value_parser = ByteSize::parse, group = "limits")]
    bytes: Option<ByteSize>,
    /// Most objects; no limit when it is left out
    #[arg(long, value_name = "N", group = "limits")]
    objects: Option<u64>,
}

#[derive(Serialize)]
struct Row {
    tenant: String,
    used_bytes: u64,
    used_objects: u64,
    /// Null: no limit.
    quota_bytes: Option<u64>,
    quota_objects: Option<u64>,
}

pub(super) async fn run(command: QuotaCommand) -> Result<ExitCode, Failure> {
    match command {
        QuotaCommand::Set(arguments) => {
            let quota = Quota {
                bytes: arguments.bytes.map(|bytes| bytes.0),
                objects: arguments.objects,
            };
            set(&arguments.of, quota).await
        }
        QuotaCommand::Remove(arguments) => set(&arguments, Quota::default()).await,
        QuotaCommand::List(cluster) => list(&cluster).await,
    }
}

/// Prints what the tenant holds and may hold then.
async fn set(arguments: &TenantArguments, quota: Quota) -> Result<ExitCode, Failure> {
    let client = arguments.cluster.connect(&arguments.tenant).await?;
    let set = client.set_quota(quota).await?;
    set.map_err(|refusal| refusal.message.into_owned())?;
    let now = told(client.quota().await?);
    output::print(arguments.cluster.output, &now, |now| table(&[now]))?;
    Ok(ExitCode::SUCCESS)
}

async fn list(cluster: &ClusterArguments) -> Result<ExitCode, Failure> {
    let client = cluster.connect("default").await?;
    let tenants = all(&client).await?;
    output::print(cluster.output, &tenants, |tenants| {
        table(&tenants.iter().collect::<Vec<_>>())
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn all(client: &MetadataClient) -> Result<Vec<Row>, Failure> {
    let mut tenants = Vec::new();
    let mut after = None;
    loop {
        let page = client.list_tenants(0, after.as_deref()).await?;
        tenants.extend(page.tenants.into_iter().map(told));
        after = page.next;
        if after.is_none() {
            return Ok(tenants);
        }
    }
}

fn told(usage: TenantUsage) -> Row {
    Row {
        tenant: usage.name,
        used_bytes: usage.used_bytes,
        used_objects: usage.used_objects,
        quota_bytes: usage.quota.bytes,
        quota_objects: usage.quota.objects,
    }
}

fn table(tenants: &[&Row]) -> String {
    let mut table = output::table(&["tenant", "bytes", "of", "objects", "of"]);
    let limit = |limit: Option<String>| limit.unwrap_or_else(|| "any".to_owned());
    for tenant in tenants {
        table.add_row([
            text::shown(&tenant.tenant).into_owned(),
            ByteSize(tenant.used_bytes).to_string(),
            limit(tenant.quota_bytes.map(|bytes| ByteSize(bytes).to_string())),
            tenant.used_objects.to_string(),
            limit(tenant.quota_objects.map(|objects| objects.to_string())),
        ]);
    }
    table.to_string()
}
