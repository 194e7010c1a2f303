use std::process::ExitCode;

use metrics_exporter_prometheus::PrometheusBuilder;
use standfast::config::Config;
use standfast::{Node, NodeBuilder, Stop};
use standfast_metadata::{FILE_DESCRIPTORS, MetadataService, ServerOptions};

use super::Failure;
use super::args::ServeArguments;
use super::stop;

/// Upper bounds of the buckets of all histograms, which are in seconds: a sync of a good disk, to a failover of a slow one.
const BUCKETS: [f64; 16] = [
    0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
    10.0,
];

pub(super) async fn run(arguments: ServeArguments) -> Result<ExitCode, Failure> {
    let registry = standfast_backends::builtin();
    let config = Config::load(&arguments.config, &registry)?;
    until_told(builder(config), arguments.stop_with_stdin).await
}

/// A node of the metadata service.
pub(super) fn builder(config: Config) -> NodeBuilder {
    let settings = config.metadata.clone();
    Node::builder()
        .config(config)
        .service(move || MetadataService::new(settings.clone()))
        .routes(|proposer, view| {
            let options = ServerOptions::new(view.node().clone(), view.endpoint());
            tonic::service::Routes::new(standfast_metadata::server(proposer, options))
        })
        .descriptors(FILE_DESCRIPTORS)
}

/// Runs a node until a signal, or until standard input ends if that counts too.
pub(super) async fn until_told(
    node: NodeBuilder,
    stop_with_stdin: bool,
) -> Result<ExitCode, Failure> {
    let metrics = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)?
        .install_recorder()?;
    let mut stop = Stop::listen()?;
    let starter = stop_with_stdin.then(stop::stdin_pipe);
    let starter = starter.transpose()?;
    let node = node.metrics(move || metrics.render()).open().await?;
    tracing::info!(
        endpoint = node.view().endpoint(),
        pid = std::process::id(),
        "ready"
    );
    node.run_until(async move {
        let abandoned = async {
            match starter {
                Some(pipe) => stop::ended(pipe).await,
                None => std::future::pending().await,
            }
        };
        // Both are cancel safe, and either stops the node.
        tokio::select! {
            () = stop.told() => {}
            () = abandoned => tracing::info!("the process that started this node is gone"),
        }
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}
