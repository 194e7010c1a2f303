use std::sync::Arc;

use standfast_core::{Error, ErrorKind, Proposer, Result};
use standfast_master::ReplicationServer;
use standfast_wire::v1::admin_service_server::AdminServiceServer;
use standfast_wire::v1::replication_service_server::ReplicationServiceServer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use super::admin::Admin;
use super::setup::Api;
use super::shared::Shared;
use super::view::NodeView;

/// Binds a port before anything else happens, so that a port in use is the first thing a user hears.
pub(crate) async fn bind(key: &str, address: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|source| {
        Error::new(ErrorKind::Config, "bind").context(format!(
            "[node] {key} = \"{address}\" cannot be listened on: choose another port, or stop what uses it"
        ))
        .source(source)
    })
}

/// Answers gRPC until `stopping` turns true. Returning before that is an error: a node that cannot be reached
/// must not go on leading.
pub(crate) async fn grpc(
    shared: Arc<Shared>,
    api: Api,
    listener: TcpListener,
    mut stopping: watch::Receiver<bool>,
) -> Result<()> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
        Error::new(ErrorKind::Unavailable, "serve gRPC").source(source)
    };
    let replication = ReplicationServer::new(
        shared.term.subscribe(),
        shared.standbys.clone(),
        shared.sources.cluster.bytes(),
        shared.outlet.clone(),
    );
    let mut reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(standfast_wire::FILE_DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    for descriptors in &api.descriptors {
        reflection = reflection.register_encoded_file_descriptor_set(descriptors);
    }
    let reflection = reflection
        .build_v1()
        .map_err(|error| failed(error.into()))?;
    let (health, health_server) = tonic_health::server::health_reporter();
    let view = NodeView(Arc::clone(&shared));
    let own = api
        .routes
        .map_or_else(Routes::default, |make| make(view.proposer(), view));
    let routes = own
        .add_service(ReplicationServiceServer::new(replication))
        .add_service(AdminServiceServer::new(Admin(Arc::clone(&shared))))
        .add_service(health_server)
        .add_service(reflection);
    let serve = Server::builder()
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming(listener), async move {
            // A dropped sender means the node is gone: stop as well.
            drop(stopping.wait_for(|stop| *stop).await);
        });
    // Neither arm is awaited again after the first one returns.
    tokio::select! {
        served = serve => served.map_err(|error| failed(error.into())),
        () = report_health(&shared, &health) => Ok(()),
    }
}

/// Connections that send at once. `Server::tcp_nodelay` says nothing about connections that the server did not accept
/// itself, and with Nagle's algorithm an answer waits up to 40 ms for the client's delayed acknowledgement.
fn incoming(listener: TcpListener) -> TcpIncoming {
    TcpIncoming::from(listener).with_nodelay(Some(true))
}

/// grpc.health.v1: serving means leading, with a lease that has not run out, so that a load balancer finds the primary.
async fn report_health(shared: &Shared, health: &tonic_health::server::HealthReporter) {
    let mut terms = shared.term.subscribe();
    loop {
        let term = terms.borrow_and_update().clone();
        if let Some(term) = term.filter(|term| term.leads().is_some()) {
            let serving = tonic_health::ServingStatus::Serving;
            health.set_service_status("", serving).await;
            // Both arms are cancel safe; a change that is not awaited to its end is found by the next one.
            tokio::select! {
                () = term.lapsed() => {}
                _ = terms.changed() => continue,
            }
        }
        let not_serving = tonic_health::ServingStatus::NotServing;
        health.set_service_status("", not_serving).await;
        if terms.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use standfast_core::Clock;
    use tokio::net::TcpStream;
    use tokio_stream::StreamExt;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::health_server::Health;
    use tonic_health::server::{HealthReporter, HealthService};

    use super::*;
    use crate::node::test_parts::TestParts;

    #[tokio::test(start_paused = true)]
    async fn health_says_not_serving_when_the_lease_ends_though_the_term_is_still_there() {
        let clock = Clock::manual();
        let parts = TestParts::new(&clock).await;
        let _term = parts.lead().await;
        let reporter = HealthReporter::new();
        let not_serving = tonic_health::ServingStatus::NotServing;
        reporter.set_service_status("", not_serving).await;
        let health = HealthService::from_health_reporter(reporter.clone());
        let asked = tonic::Request::new(HealthCheckRequest::default());
        let mut told = health.watch(asked).await.unwrap().into_inner();
        let story = async {
            while told.next().await.unwrap().unwrap().status() != ServingStatus::Serving {}
            parts.election.freeze_leader();
            clock.advance(Duration::from_hours(1));
            while told.next().await.unwrap().unwrap().status() != ServingStatus::NotServing {}
        };
        let story = tokio::time::timeout(Duration::from_mins(1), story);
        tokio::select! {
            told = story => told.expect("it is told within the minute"),
            () = report_health(&parts.shared, &reporter) => {}
        }
    }

    #[tokio::test]
    async fn an_answer_does_not_wait_for_the_client_to_acknowledge_the_one_before() {
        let listener = bind("listen", "127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming = incoming(listener);
        let _client = TcpStream::connect(address).await.unwrap();
        let accepted = incoming.next().await.unwrap().unwrap();
        assert!(accepted.nodelay().unwrap());
    }
}
