use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::conformance::damage::Damage;
use crate::conformance::process::Apart;
use crate::conformance::wire::Wire;
use crate::error::Result;
use crate::snapshot::SnapshotStore;

/// Makes the storages that the cases about snapshot stores run on. This is all that a backend's author writes.
#[async_trait]
pub trait SnapshotHarness: Send + Sync {
    /// A fresh, empty storage that belongs to no cluster yet.
    ///
    /// # Errors
    /// Whatever keeps it from being made: the case has failed.
    ///
    /// # Cancel safety
    /// A storage may stay behind.
    async fn space(&self) -> Result<Box<dyn SnapshotSpace>>;
}

/// One storage, and the handles on it.
#[async_trait]
pub trait SnapshotSpace: Send + Sync {
    /// Another handle, as the process of another node would have it: it shares nothing with the others but the storage.
    ///
    /// # Errors
    /// As the backend's own opening.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn open(&self) -> Result<Arc<dyn SnapshotStore>>;

    /// A handle whose calls to the storage are in the suite's hand. `None`, as by default, where the harness has no such
    /// thing: the cases that need it do not apply then.
    ///
    /// # Errors
    /// As [`Self::open`].
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn open_wired(&self) -> Result<Option<WiredSnapshots>> {
        Ok(None)
    }

    /// A handle whose uploads and entries are made by a process that can be frozen and killed. Once it is killed, each call
    /// that it makes, under way or later, must answer `Indeterminate`, without anything being dropped. `None`, as by
    /// default, where the harness has no such thing: the cases that need it do not apply then.
    ///
    /// # Errors
    /// As [`Self::open`].
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn open_apart(&self) -> Result<Option<Apart<dyn SnapshotStore>>> {
        Ok(None)
    }

    /// Damages what is stored, while no handle is used; where nothing is stored it does nothing. Whether the harness has such a
    /// thing: not by default, and the cases that need it do not apply then.
    ///
    /// # Errors
    /// What keeps it from being damaged.
    ///
    /// # Cancel safety
    /// May or may not have happened.
    async fn damage(&self, _how: Damage) -> Result<bool> {
        Ok(false)
    }

    /// Removes the storage; no handle is used any more.
    ///
    /// # Errors
    /// What keeps it from being removed.
    ///
    /// # Cancel safety
    /// What was not removed stays.
    async fn remove(&self) -> Result<()>;
}

/// A handle on a snapshot store over a wire.
#[derive(Clone)]
pub struct WiredSnapshots {
    /// The handle.
    pub store: Arc<dyn SnapshotStore>,
    /// What its calls go over.
    pub wire: Arc<dyn Wire>,
}

impl fmt::Debug for WiredSnapshots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WiredSnapshots({:?} over {:?})", self.store, self.wire)
    }
}
