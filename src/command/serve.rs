use std::process::ExitCode;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusBuilder;
use standfast::config::Config;
use standfast::node::{Node, ServiceSetup};
use standfast_metadata::{FILE_DESCRIPTORS, MetadataService, ServerOptions};
use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use super::args::ServeArguments;

/// Upper bounds of the buckets of all histograms, which are in seconds: a sync of a good disk, to a failover of a slow one.
const BUCKETS: [f64; 16] = [
    0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
    10.0,
];

pub(super) async fn run(arguments: ServeArguments) -> Result<ExitCode, Failure> {
    let registry = standfast_backends::builtin();
    let config = Config::load(&arguments.config, &registry)?;
    let metrics = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)?
        .install_recorder()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let setup = metadata(&config);
    let node = Node::open(config, &registry, setup, metrics).await?;
    tracing::info!(
        endpoint = node.endpoint(),
        pid = std::process::id(),
        "ready"
    );
    node.run(async move {
        // Both are cancel safe, and either stops the node.
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}

/// The metadata service on gRPC.
fn metadata(config: &Config) -> ServiceSetup {
    let settings = config.metadata.clone();
    ServiceSetup {
        service: Arc::new(move || Box::new(MetadataService::new(settings.clone()))),
        routes: Box::new(|proposer, view| {
            let options = ServerOptions::new(view.node().clone(), view.endpoint());
            tonic::service::Routes::new(standfast_metadata::server(proposer, options))
        }),
        descriptors: vec![FILE_DESCRIPTORS],
    }
}
