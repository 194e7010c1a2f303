use std::process::ExitCode;

use serde::Serialize;
use standfast::config::Config;
use standfast::node::open_stores;
use standfast_core::{
    Clock, ElectionCapabilities, Fingerprint, OpLogCapabilities, SnapshotCapabilities,
};

use super::Failure;
use super::args::CheckArguments;
use super::output;

#[derive(Serialize)]
struct Checked {
    cluster: String,
    node: String,
    connected: Option<Connected>,
}

#[derive(Serialize)]
struct Connected {
    fingerprint: Fingerprint,
    oplog: OpLogCapabilities,
    election: ElectionCapabilities,
    snapshots: Option<SnapshotCapabilities>,
}

pub(super) async fn run(arguments: CheckArguments) -> Result<ExitCode, Failure> {
    let registry = standfast_backends::builtin();
    let config = Config::load(&arguments.config.config, &registry)?;
    let connected = if arguments.connect {
        Some(connect(&config).await?)
    } else {
        None
    };
    let checked = Checked {
        cluster: config.cluster.id.to_string(),
        node: config.node.id.to_string(),
        connected,
    };
    output::print(arguments.config.output, &checked, |checked| {
        let reached = match &checked.connected {
            Some(connected) => format!("; the stores hold cluster {}", connected.fingerprint),
            None => "; the stores were not looked at (--connect)".to_owned(),
        };
        format!(
            "configuration of node `{}` of cluster `{}` is good{reached}",
            checked.node, checked.cluster
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn connect(config: &Config) -> Result<Connected, Failure> {
    let registry = standfast_backends::builtin();
    let stores = open_stores(config, &registry, &Clock::system()).await?;
    let fingerprint = stores.fingerprint(config).await?;
    stores.probe().await?;
    Ok(Connected {
        fingerprint,
        oplog: stores.oplog.capabilities(),
        election: stores.election.capabilities(),
        snapshots: stores
            .snapshots
            .as_ref()
            .map(|snapshots| snapshots.capabilities()),
    })
}
