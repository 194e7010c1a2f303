use std::process::ExitCode;

use serde::Serialize;
use standfast::config::Config;
use standfast::node::make_stores;
use standfast_core::{Clock, ClusterId, Fingerprint};

use super::Failure;
use super::args::{ClusterCommand, ConfigArguments};
use super::output;

#[derive(Serialize)]
struct Initialised {
    cluster: ClusterId,
    fingerprint: Fingerprint,
    created: bool,
}

pub(super) async fn run(command: ClusterCommand) -> Result<ExitCode, Failure> {
    match command {
        ClusterCommand::Init(arguments) => init(arguments).await,
    }
}

async fn init(arguments: ConfigArguments) -> Result<ExitCode, Failure> {
    let registry = standfast_backends::builtin();
    let config = Config::load(&arguments.config, &registry)?;
    let stores = make_stores(&config, &registry, &Clock::system()).await?;
    let (fingerprint, created) = stores.init(&config).await?;
    let result = Initialised {
        cluster: config.cluster.id,
        fingerprint,
        created,
    };
    output::print(arguments.output, &result, |result| {
        let verb = if result.created {
            "initialised"
        } else {
            "was initialised before; nothing changed"
        };
        format!(
            "cluster `{}` {verb} (fingerprint {})",
            result.cluster, result.fingerprint
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
