use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use standfast_metadata::{ErrorCode, MetadataClient, Placed, Removal, RemovedMany};

use super::Failure;
use super::confirm::confirm;
use super::object::{ClusterArguments, bytes, conclude, distinct};
use super::{output, text};

#[derive(Debug, Args)]
pub(crate) struct RemoveArguments {
    /// The keys
    #[arg(required_unless_present_any = ["all", "regex"])]
    keys: Vec<String>,
    /// All objects of the tenant
    #[arg(long, conflicts_with_all = ["keys", "regex"])]
    all: bool,
    /// The objects of the tenant whose keys match, anywhere unless anchored with ^ and $
    #[arg(long, value_name = "REGEX", conflicts_with = "keys")]
    regex: Option<String>,
    /// Even if somebody may be reading or writing them
    #[arg(long)]
    force: bool,
    /// Do not ask before all are removed
    #[arg(long)]
    yes: bool,
    /// The tenant
    #[arg(long, default_value = "default", value_parser = text::tenant)]
    tenant: String,
    #[command(flatten)]
    cluster: ClusterArguments,
}

#[derive(Serialize)]
struct Summary {
    removed: u64,
    skipped: BTreeMap<&'static str, u64>,
}

pub(super) async fn run(arguments: &RemoveArguments) -> Result<ExitCode, Failure> {
    let which = match &arguments.regex {
        Some(regex) => Removal::Regex(regex.clone()),
        None if arguments.all => {
            if !arguments.yes {
                let tenant = &arguments.tenant;
                let what = format!("this removes all objects of tenant `{tenant}`");
                confirm(&what, "nothing was removed")?;
            }
            Removal::All
        }
        None => return remove_keys(arguments).await,
    };
    let client = arguments.cluster.connect(&arguments.tenant).await?;
    remove_many(arguments, &client, &which).await
}

async fn remove_keys(arguments: &RemoveArguments) -> Result<ExitCode, Failure> {
    distinct(&arguments.keys)?;
    let client = arguments.cluster.connect(&arguments.tenant).await?;
    let removed = client
        .remove(&bytes(&arguments.keys), arguments.force)
        .await?;
    let nowhere = Placed {
        checksum: None,
        replicas: Vec::new(),
    };
    let removed = removed
        .into_iter()
        .map(|result| result.map(|()| Some(nowhere.clone())));
    conclude(arguments.cluster.output, &arguments.keys, removed)
}

/// Exit code 1 when some were skipped.
async fn remove_many(
    arguments: &RemoveArguments,
    client: &MetadataClient,
    which: &Removal,
) -> Result<ExitCode, Failure> {
    let bar = output::progress(1000, "removing");
    let progress = |sum: &RemovedMany| bar.set_position(u64::from(sum.done_permille));
    let removed = client.remove_many(which, arguments.force, progress).await;
    bar.finish_and_clear();
    let removed = removed?;
    let skipped = removed.skipped.iter().map(|(why, n)| (reason(*why), *n));
    let summary = Summary {
        removed: removed.removed,
        skipped: skipped.collect(),
    };
    output::print(arguments.cluster.output, &summary, told)?;
    Ok(if summary.skipped.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

const fn reason(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::ObjectHasLease => "leased",
        ErrorCode::ReplicaIsNotReady => "processing",
        _ => "other",
    }
}

fn told(summary: &Summary) -> String {
    let mut table = output::table(&["", "objects"]);
    table.add_row(["removed".to_owned(), summary.removed.to_string()]);
    for (why, count) in &summary.skipped {
        table.add_row([format!("skipped, {why}"), count.to_string()]);
    }
    if summary.skipped.is_empty() {
        return table.to_string();
    }
    format!(
        "{table}\nskipped: somebody may be reading or writing them; try again later, or --force"
    )
}
