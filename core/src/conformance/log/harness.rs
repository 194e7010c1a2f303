use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::conformance::damage::Damage;
use crate::conformance::process::Apart;
use crate::conformance::wire::Wire;
use crate::error::Result;
use crate::oplog::OpLogStore;

/// Makes the storages that the cases about logs run on. This is all that a backend's author writes.
#[async_trait]
pub trait LogHarness: Send + Sync {
    /// A fresh, empty storage that belongs to no cluster yet.
    ///
    /// # Errors
    /// Whatever keeps it from being made: the case has failed.
    ///
    /// # Cancel safety
    /// A storage may stay behind.
    async fn space(&self) -> Result<Box<dyn LogSpace>>;
}

/// One storage, and the handles on it.
#[async_trait]
pub trait LogSpace: Send + Sync {
    /// Another handle, as the process of another node would have it: it shares nothing with the others but the storage.
    ///
    /// # Errors
    /// As the backend's own opening.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn open(&self) -> Result<Arc<dyn OpLogStore>>;

    /// A handle whose calls to the storage are in the suite's hand. `None`, as by default, where the harness has no such
    /// thing: the cases that need it do not apply then.
    ///
    /// # Errors
    /// As [`Self::open`].
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn open_wired(&self) -> Result<Option<Wired>> {
        Ok(None)
    }

    /// A handle whose writers live in a process that can be frozen and killed. Once it is killed, each call of a writer that is
    /// under way or begins later must answer `Indeterminate`, without anything being dropped. `None`, as by default, where
    /// the harness has no such thing: the cases that need it do not apply then.
    ///
    /// # Errors
    /// As [`Self::open`].
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn open_apart(&self) -> Result<Option<Apart<dyn OpLogStore>>> {
        Ok(None)
    }

    /// A handle whose tails hear of the log what `news` says, and nothing else. `None`, as by default, where the harness has
    /// no such thing or the store no watch: the case that needs it does not apply then.
    ///
    /// # Errors
    /// As [`Self::open`].
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn open_misled(&self, _news: News) -> Result<Option<Arc<dyn OpLogStore>>> {
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

/// What a watch tells those who wait for more: all that a watch may do wrong, for a sound one is taken for granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing, whatever happens.
    Lost,
    /// Everything again and again, also what was there before.
    Repeated,
    /// Everything after a while, behind what happened since.
    Late,
    /// What never happened.
    Invented,
}

impl News {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Lost, Self::Repeated, Self::Late, Self::Invented];
}

/// A handle on a log over a wire.
#[derive(Clone)]
pub struct Wired {
    /// The handle.
    pub store: Arc<dyn OpLogStore>,
    /// What its calls go over.
    pub wire: Arc<dyn Wire>,
}

impl fmt::Debug for Wired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wired({:?} over {:?})", self.store, self.wire)
    }
}
