//! What the three kinds of store have in common.

use std::fmt::Debug;

use async_trait::async_trait;
use serde::Serialize;

use crate::error::Result;
use crate::words::Fingerprint;

/// A place outside the process where bytes are kept: the base of [`crate::OpLogStore`],
/// [`crate::SnapshotStore`] and [`crate::ElectionBackend`].
///
/// * **ST-1** `init` writes the fingerprint once, durably, with create-if-absent; of two racing ones with
///   different fingerprints exactly one wins and the other gets `Foreign`.
/// * **ST-2** A store never changes anything under a fingerprint other than the one it was opened with.
#[async_trait]
pub trait Store: Send + Sync + Debug {
    /// The name in `type = ".."`, for messages and metrics.
    fn name(&self) -> &str;

    /// The fingerprint kept in the store; `None` before [`Self::init`].
    ///
    /// # Errors
    /// `Version` when the store is of a newer format, `Corrupt`, `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn fingerprint(&self) -> Result<Option<Fingerprint>>;

    /// Makes the store one of this cluster. Idempotent for the same fingerprint.
    ///
    /// # Errors
    /// `Foreign` when it holds another fingerprint, `Unavailable`, `Quota`.
    ///
    /// # Durability
    /// Durable on return, directory entries included.
    ///
    /// # Cancel safety
    /// May or may not have happened; call again.
    async fn init(&self, cluster: Fingerprint) -> Result<()>;

    /// Proves that the store is there, may be written, and keeps what it promises as far as one can tell at
    /// start.
    ///
    /// # Errors
    /// The reason, with what to change.
    ///
    /// # Cancel safety
    /// Cancel safe; may leave an empty probe object behind, which nothing reads.
    async fn probe(&self) -> Result<()>;

    /// The servers that keep it, as they are found now, for people who look after them: each that was named to us. None when
    /// there are none, or none that tells.
    ///
    /// # Errors
    /// Only what is not of a single server: that is in its [`Server::problem`].
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn servers(&self) -> Result<Vec<Server>> {
        Ok(Vec::new())
    }
}

/// A server that keeps a store, as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Server {
    /// Where it is.
    pub endpoint: String,
    /// Which program it says that it is; empty when it did not answer.
    pub version: String,
    /// What its data take there.
    pub size_bytes: Option<u64>,
    /// What they may take; none: it does not tell.
    pub limit_bytes: Option<u64>,
    /// Why it is of no use, or will not be for long, and what to do.
    pub problem: Option<String>,
}

/// How far a store can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// Within one process.
    Process,
    /// By all processes of one host.
    Host,
    /// By every node of the cluster.
    Cluster,
}

/// What survives what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Gone with the process.
    Process,
    /// Survives a power cut of the host, not the loss of its disk.
    Disk,
    /// Survives the loss of a host.
    Replicated,
}
