use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::harness::{SnapshotHarness, SnapshotSpace, WiredSnapshots};
use super::twist::{SnapshotTwist, Twisted};
use crate::conformance::damage::Damage;
use crate::conformance::failure::{Failure, Outcome};
use crate::conformance::parts::cluster;
use crate::conformance::process::{Apart, Process};
use crate::conformance::wire::Wire;
use crate::error::Result;
use crate::snapshot::SnapshotStore;

/// What a case about snapshot stores is given: fresh stores, as many as it wants, and a seed.
pub struct SnapshotTrial {
    harness: Arc<dyn SnapshotHarness>,
    twist: Option<Arc<dyn SnapshotTwist>>,
    seed: u64,
    spaces: Mutex<Vec<Arc<dyn SnapshotSpace>>>,
}

impl SnapshotTrial {
    pub(super) fn new(
        harness: Arc<dyn SnapshotHarness>,
        twist: Option<Arc<dyn SnapshotTwist>>,
        seed: u64,
    ) -> Self {
        Self {
            harness,
            twist,
            seed,
            spaces: Mutex::default(),
        }
    }

    /// The seed, for what draws by itself.
    pub(super) const fn seed(&self) -> u64 {
        self.seed
    }

    /// A fresh storage, which is removed with the trial.
    pub(super) async fn space(&self) -> Result<Arc<dyn SnapshotSpace>> {
        let space: Arc<dyn SnapshotSpace> = self.harness.space().await?.into();
        self.spaces.lock().push(Arc::clone(&space));
        Ok(space)
    }

    /// A store that belongs to no cluster yet.
    pub(super) async fn blank(&self) -> Result<Place> {
        let space = self.space().await?;
        Ok(Place {
            space,
            twist: self.twist.clone(),
        })
    }

    /// A fresh store of [`cluster`].
    pub(super) async fn fresh(&self) -> Result<Place> {
        let place = self.blank().await?;
        place.open().await?.init(cluster()).await?;
        Ok(place)
    }

    pub(super) async fn clean(&self) -> Outcome {
        let spaces = std::mem::take(&mut *self.spaces.lock());
        for space in spaces {
            space.remove().await?;
        }
        Ok(())
    }
}

impl fmt::Debug for SnapshotTrial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotTrial(seed {})", self.seed)
    }
}

/// One store of a trial.
pub(super) struct Place {
    space: Arc<dyn SnapshotSpace>,
    twist: Option<Arc<dyn SnapshotTwist>>,
}

impl Place {
    /// Another handle on it.
    pub(super) async fn open(&self) -> Result<Arc<dyn SnapshotStore>> {
        Ok(self.twisted(self.space.open().await?))
    }

    /// A handle over a wire.
    pub(super) async fn open_wired(&self) -> Outcome<(Arc<dyn SnapshotStore>, Arc<dyn Wire>)> {
        let wired = self.space.open_wired().await?;
        let WiredSnapshots { store, wire } =
            wired.ok_or_else(|| Failure::new("the harness has no wire any more"))?;
        Ok((self.twisted(store), wire))
    }

    /// A handle of a process that can be frozen and killed.
    pub(super) async fn open_apart(&self) -> Outcome<(Arc<dyn SnapshotStore>, Arc<dyn Process>)> {
        let apart = self.space.open_apart().await?;
        let Apart { store, process } =
            apart.ok_or_else(|| Failure::new("the harness starts no process any more"))?;
        Ok((self.twisted(store), process))
    }

    /// Damages what is stored.
    pub(super) async fn damage(&self, how: Damage) -> Outcome {
        if self.space.damage(how).await? {
            return Ok(());
        }
        Err(Failure::new("the harness damages nothing any more"))
    }

    fn twisted(&self, store: Arc<dyn SnapshotStore>) -> Arc<dyn SnapshotStore> {
        match &self.twist {
            None => store,
            Some(twist) => Arc::new(Twisted::new(store, Arc::clone(twist))),
        }
    }
}
