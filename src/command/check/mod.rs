mod bucket;
mod prediction;
mod present;
mod text;
mod trial;

use std::process::ExitCode;

use serde::Serialize;
use standfast::config::Config;
use standfast::node::{Stores, open_stores};
use standfast_core::{
    Clock, ElectionCapabilities, Fingerprint, OpLogCapabilities, Server, SnapshotCapabilities,
};

use self::prediction::Prediction;
use self::present::Present;
use self::trial::Trial;
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
    /// The servers that keep log and election; none when they are kept in files, or by this process.
    servers: Vec<Server>,
    /// What a log that is kept by servers did when it was tried.
    trial: Option<Trial>,
    /// Why it was not tried.
    not_tried: Option<String>,
}

pub(super) async fn run(arguments: CheckArguments) -> Result<ExitCode, Failure> {
    let registry = standfast_backends::builtin();
    let config = Config::load(&arguments.config.config, &registry)?;
    let (connected, present) = if arguments.connect {
        let (connected, mut present) = connect(&config).await?;
        let rate = arguments.rate.map(f64::from);
        present.entries_per_s = rate.or(present.entries_per_s);
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
    let connected = checked.connected.as_ref();
    let tried = connected.and_then(|connected| connected.trial.as_ref());
    Ok(match tried {
        Some(trial) if !trial.fencing_proved => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

async fn connect(config: &Config) -> Result<(Connected, Present), Failure> {
    let registry = standfast_backends::builtin();
    let stores = open_stores(config, &registry, &Clock::system()).await?;
    let fingerprint = stores.fingerprint(config).await?;
    let full = stores.probe().await?;
    let present = Present::look(&stores).await?;
    let of_log = stores.oplog.servers().await?;
    // What is kept in files is tried by `certify`; of servers nobody knows how far away they are before they were asked.
    let tried = if of_log.is_empty() {
        Ok(None)
    } else {
        Trial::run(config, &registry).await
    };
    let (trial, not_tried) = match tried {
        Ok(trial) => (trial, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let connected = Connected {
        fingerprint,
        oplog: stores.oplog.capabilities(),
        election: stores.election.capabilities(),
        snapshots: stores
            .snapshots
            .as_ref()
            .map(|snapshots| snapshots.capabilities()),
        full: full.map(|error| error.to_string()),
        servers: with_election(of_log, &stores).await?,
        trial,
        not_tried,
    };
    Ok((connected, present))
}

/// With those of the election, each once.
async fn with_election(mut found: Vec<Server>, stores: &Stores) -> Result<Vec<Server>, Failure> {
    for server in stores.election.servers().await? {
        if found.iter().all(|other| other.endpoint != server.endpoint) {
            found.push(server);
        }
    }
    Ok(found)
}
