use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Clock;
use crate::conformance::process::Apart;
use crate::election::ElectionBackend;
use crate::error::Result;

/// Makes the storages that the cases about elections run on. This is all that a backend's author writes.
#[async_trait]
pub trait ElectionHarness: Send + Sync {
    /// A fresh, empty storage that belongs to no cluster yet.
    ///
    /// # Errors
    /// Whatever keeps it from being made: the case has failed.
    ///
    /// # Cancel safety
    /// A storage may stay behind.
    async fn space(&self) -> Result<Box<dyn ElectionSpace>>;
}

/// One storage, and the handles on it.
#[async_trait]
pub trait ElectionSpace: Send + Sync {
    /// Another handle, as the process of another node would have it, which counts its leases on `clock`.
    ///
    /// # Errors
    /// As the backend's own opening.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn open(&self, clock: &Clock) -> Result<Arc<dyn ElectionBackend>>;

    /// The ttl of the leases: a short one, for the cases wait until it is over.
    fn ttl(&self) -> Duration;

    /// Whether leases run out by the clocks that the handles were given, and by no other: a manual clock then moves
    /// them. Not by default: the cases wait until the time has really passed, and those that need a clock of their own
    /// do not apply.
    fn goes_by_given_clocks(&self) -> bool {
        false
    }

    /// A handle of a process that can be frozen and killed. `None`, as by default, where the harness has no such thing:
    /// the cases that need it do not apply then.
    ///
    /// # Errors
    /// As [`Self::open`].
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn open_apart(&self, _clock: &Clock) -> Result<Option<Apart<dyn ElectionBackend>>> {
        Ok(None)
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
