mod prediction;
mod present;
mod text;

use std::process::ExitCode;

use serde::Serialize;
use standfast::config::Config;
use standfast::node::open_stores;
use standfast_core::{
    Clock, ElectionCapabilities, Fingerprint, OpLogCapabilities, SnapshotCapabilities,
};

use self::prediction::Prediction;
use self::present::Present;
use super::Failure;
use super::args::CheckArguments;
use super::output;

#[derive(Serialize)]
struct Checked {
    cluster: String,
    node: String,
    connected: Option<Connected>,
    predicted: Prediction,
}

#[derive(Serialize)]
struct Connected {
    fingerprint: Fingerprint,
    oplog: OpLogCapabilities,
    election: ElectionCapabilities,
    snapshots: Option<SnapshotCapabilities>,
    /// Why no snapshot can be made at the moment; none: it can.
    full: Option<String>,
}

pub(super) async fn run(arguments: CheckArguments) -> Result<ExitCode, Failure> {
    let registry = standfast_backends::builtin();
    let config = Config::load(&arguments.config.config, &registry)?;
    let (connected, present) = if arguments.connect {
        let (connected, present) = connect(&config).await?;
        (Some(connected), Some(present))
    } else {
        (None, None)
    };
    let checked = Checked {
        cluster: config.cluster.id.to_string(),
        node: config.node.id.to_string(),
        connected,
        predicted: Prediction::new(&config, present.as_ref()),
    };
    output::print(arguments.config.output, &checked, text::text)?;
    Ok(ExitCode::SUCCESS)
}

async fn connect(config: &Config) -> Result<(Connected, Present), Failure> {
    let registry = standfast_backends::builtin();
    let stores = open_stores(config, &registry, &Clock::system()).await?;
    let fingerprint = stores.fingerprint(config).await?;
    let full = stores.probe().await?;
    let present = Present::look(&stores).await?;
    let connected = Connected {
        fingerprint,
        oplog: stores.oplog.capabilities(),
        election: stores.election.capabilities(),
        snapshots: stores
            .snapshots
            .as_ref()
            .map(|snapshots| snapshots.capabilities()),
        full: full.map(|error| error.to_string()),
    };
    Ok((connected, present))
}
