use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::harness::{LogHarness, LogSpace, News, Wired};
use super::twist::{LogTwist, Twisted};
use crate::conformance::damage::Damage;
use crate::conformance::failure::{Failure, Outcome};
use crate::conformance::parts::cluster;
use crate::conformance::process::{Apart, Process};
use crate::conformance::wire::Wire;
use crate::error::Result;
use crate::oplog::{Fencing, OpLogStore, OpLogWriter};

/// What a case about logs is given: fresh logs, as many as it wants, and a seed.
pub struct LogTrial {
    harness: Arc<dyn LogHarness>,
    twist: Option<Arc<dyn LogTwist>>,
    seed: u64,
    spaces: Mutex<Vec<Arc<dyn LogSpace>>>,
}

impl LogTrial {
    pub(super) fn new(
        harness: Arc<dyn LogHarness>,
        twist: Option<Arc<dyn LogTwist>>,
        seed: u64,
    ) -> Self {
        Self {
            harness,
            twist,
            seed,
            spaces: Mutex::default(),
        }
    }

    /// Where chance begins: the same for the same seed.
    pub(super) const fn seed(&self) -> u64 {
        self.seed
    }

    /// A fresh storage, which is removed with the trial.
    pub(super) async fn space(&self) -> Result<Arc<dyn LogSpace>> {
        let space: Arc<dyn LogSpace> = self.harness.space().await?.into();
        self.spaces.lock().push(Arc::clone(&space));
        Ok(space)
    }

    /// A log that belongs to no cluster yet.
    pub(super) async fn blank(&self) -> Result<Log> {
        let space = self.space().await?;
        Ok(Log {
            space,
            twist: self.twist.clone(),
        })
    }

    /// A fresh log of [`cluster`].
    pub(super) async fn fresh(&self) -> Result<Log> {
        let log = self.blank().await?;
        log.open().await?.init(cluster()).await?;
        Ok(log)
    }

    pub(super) async fn clean(&self) -> Outcome {
        let spaces = std::mem::take(&mut *self.spaces.lock());
        for space in spaces {
            space.remove().await?;
        }
        Ok(())
    }
}

impl fmt::Debug for LogTrial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogTrial(seed {})", self.seed)
    }
}

/// One log of a trial.
#[derive(Clone)]
pub(super) struct Log {
    space: Arc<dyn LogSpace>,
    twist: Option<Arc<dyn LogTwist>>,
}

impl Log {
    /// Another handle on it.
    pub(super) async fn open(&self) -> Result<Arc<dyn OpLogStore>> {
        Ok(self.twisted(self.space.open().await?))
    }

    /// A handle over a wire.
    pub(super) async fn open_wired(&self) -> Outcome<(Arc<dyn OpLogStore>, Arc<dyn Wire>)> {
        let wired = self.space.open_wired().await?;
        let Wired { store, wire } =
            wired.ok_or_else(|| Failure::new("the harness has no wire any more"))?;
        Ok((self.twisted(store), wire))
    }

    /// A handle of a process that can be frozen and killed.
    pub(super) async fn open_apart(&self) -> Outcome<(Arc<dyn OpLogStore>, Arc<dyn Process>)> {
        let apart = self.space.open_apart().await?;
        let Apart { store, process } =
            apart.ok_or_else(|| Failure::new("the harness starts no process any more"))?;
        Ok((self.twisted(store), process))
    }

    /// A handle whose watch lies.
    pub(super) async fn open_misled(&self, news: News) -> Outcome<Arc<dyn OpLogStore>> {
        let store = self.space.open_misled(news).await?;
        let store = store.ok_or_else(|| Failure::new("the harness's watch lies no more"))?;
        Ok(self.twisted(store))
    }

    /// Damages what is stored.
    pub(super) async fn damage(&self, how: Damage) -> Outcome {
        if self.space.damage(how).await? {
            return Ok(());
        }
        Err(Failure::new("the harness damages nothing any more"))
    }

    fn twisted(&self, store: Arc<dyn OpLogStore>) -> Arc<dyn OpLogStore> {
        match &self.twist {
            None => store,
            Some(twist) => Arc::new(Twisted::new(store, Arc::clone(twist))),
        }
    }
}

/// The writer of an old term, if it can live on beside that of the next one. Where a lock excludes that it ends here.
pub(super) fn outlived(
    store: &dyn OpLogStore,
    writer: Box<dyn OpLogWriter>,
) -> Option<Box<dyn OpLogWriter>> {
    (store.capabilities().fencing != Fencing::Lock).then_some(writer)
}
