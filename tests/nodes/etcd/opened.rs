use std::path::Path;
use std::sync::Arc;

use standfast::standfast_core::{
    Clock, ClusterId, ElectionBackend, Error, Fingerprint, NodeId, OpLogStore, OpenContext, Result,
};

/// What a node on this configuration is told, whose file is in `dir`.
fn context(dir: &Path) -> OpenContext {
    OpenContext {
        cluster: ClusterId::new("test").unwrap(),
        prefix: "/standfast".to_owned(),
        node: NodeId::new("a").unwrap(),
        data_dir: dir.join("data"),
        base_dir: dir.to_owned(),
        clock: Clock::system(),
        make: false,
    }
}

/// A log with these settings, as a node opens it.
pub(super) async fn log(dir: &Path, settings: &str) -> Result<Arc<dyn OpLogStore>> {
    let registry = standfast_backends::builtin();
    let factory = registry.oplogs.get("etcd").unwrap();
    factory.open(&table(settings), &context(dir)).await
}

/// An election with these settings, as a node opens it.
pub(super) async fn election(dir: &Path, settings: &str) -> Result<Arc<dyn ElectionBackend>> {
    let registry = standfast_backends::builtin();
    let factory = registry.elections.get("etcd").unwrap();
    factory.open(&table(settings), &context(dir)).await
}

/// The settings, without what chooses the type.
fn table(settings: &str) -> toml::Table {
    let mut table: toml::Table = settings.parse().unwrap();
    table.remove("type");
    table
}

/// Why a node with these settings does not start: what its log says, and its election alike.
pub(super) async fn refusal(dir: &Path, settings: &str) -> Error {
    let of_log = match log(dir, settings).await {
        Ok(log) => log.probe().await,
        Err(error) => Err(error),
    };
    let of_election = match election(dir, settings).await {
        Ok(election) => election.probe().await,
        Err(error) => Err(error),
    };
    let (of_log, of_election) = (of_log.unwrap_err(), of_election.unwrap_err());
    assert_eq!(of_log.kind(), of_election.kind(), "{of_election}");
    of_log
}

/// One of the cluster that they are opened for.
pub(super) fn fingerprint() -> Fingerprint {
    Fingerprint::draw(&ClusterId::new("test").unwrap(), [7; 16])
}

/// One of another.
pub(super) fn another_fingerprint() -> Fingerprint {
    Fingerprint::draw(&ClusterId::new("test").unwrap(), [8; 16])
}
