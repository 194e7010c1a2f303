use std::collections::BTreeSet;
use std::fmt;
use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;

use standfast_core::{
    CatalogEntry, Error, ErrorKind, Listed, Machine, MachineRestore, Manifest, Result, SnapshotId,
    SnapshotReader, SnapshotStore,
};

use super::fill::{self, Progress, StateSink};
use super::pin::RestorePin;
use super::point::Point;
use crate::metrics;
use crate::policy::SnapshotPolicy;

/// How often a restore begins again because its snapshot was retired between choosing and pinning it. A pin holds
/// from then on, so more than one needs a leader that publishes faster than a pin is written.
const ROUNDS: u32 = 32;

/// Restores the newest snapshot that can be read.
#[derive(Clone)]
pub struct Restorer {
    store: Arc<dyn SnapshotStore>,
    policy: SnapshotPolicy,
    holder: String,
    point: Point,
    even_unpinned: bool,
    progress: Arc<dyn Fn(Progress) + Send + Sync>,
}

/// A restored state.
#[derive(Debug)]
pub struct Restored {
    /// The state, at the snapshot's Position. Its digest is the manifest's.
    pub machine: Machine,
    /// What was restored.
    pub manifest: Manifest,
    /// Holds snapshot and log: release it when the suffix was replayed.
    pub pin: RestorePin,
    /// Newer snapshots that could not be restored, and why.
    pub damaged: Vec<Tried>,
}

/// A snapshot that could not be restored.
#[derive(Debug)]
pub struct Tried {
    /// Which.
    pub snapshot: SnapshotId,
    /// Why; names the part.
    pub error: Error,
}

impl fmt::Debug for Restorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restorer")
            .field("store", &self.store)
            .field("holder", &self.holder)
            .finish_non_exhaustive()
    }
}

impl Restorer {
    /// A restorer whose pins carry the name `holder`: unique for every restore under way, such as
    /// `{node}-{random}`.
    pub fn new(
        store: Arc<dyn SnapshotStore>,
        policy: SnapshotPolicy,
        holder: impl Into<String>,
    ) -> Self {
        Self {
            store,
            policy,
            holder: holder.into(),
            point: Point::Newest,
            even_unpinned: false,
            progress: Arc::new(|_| {}),
        }
    }

    /// Passes over what is of later.
    #[must_use]
    pub const fn up_to(mut self, point: Point) -> Self {
        self.point = point;
        self
    }

    /// Reads on where no pin may be written: for a tool whose keys may only read. What a leader retires meanwhile may go
    /// while it is read; another snapshot is tried then.
    #[must_use]
    pub const fn even_unpinned(mut self) -> Self {
        self.even_unpinned = true;
        self
    }

    /// Told after every part.
    #[must_use]
    pub fn on_progress(mut self, progress: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.progress = Arc::new(progress);
        self
    }

    /// Restores the newest snapshot of the catalog, or the newest older one that is not damaged. `empty` gives an empty
    /// state for each try ([`Machine::begin_restore`]). `None` when the catalog lists nothing, or nothing that is old enough
    /// ([`Self::up_to`]).
    ///
    /// Every try pins its snapshot, THEN reads the newest entry again, and goes on only if it is still listed (SS-6). A
    /// store without room for the pin is read without one ([`RestorePin`]).
    ///
    /// # Errors
    /// `Corrupt` naming every snapshot and its damage when none can be restored; whatever says that the store cannot be
    /// read right now (`Unavailable`, `Throttled`, ..): nothing is called damaged for that.
    ///
    /// # Cancel safety
    /// Cancel safe: a pin may stay, and ages.
    pub async fn restore(
        &self,
        empty: impl Fn() -> MachineRestore + Send + Sync,
    ) -> Result<Option<Restored>> {
        self.restore_until(empty, pin!(pending())).await
    }

    /// The same until `stop` is ready: then it is `Cancelled`, and no pin stays.
    ///
    /// # Errors
    /// As [`Self::restore`], and `Cancelled`.
    ///
    /// # Cancel safety
    /// Cancel safe: a pin may stay, and ages.
    pub async fn restore_until(
        &self,
        empty: impl Fn() -> MachineRestore + Send + Sync,
        stop: Pin<&mut (dyn Future<Output = ()> + Send)>,
    ) -> Result<Option<Restored>> {
        let restored = self.restore_any(&empty, stop).await;
        if let Err(error) = &restored
            && *error.kind() != ErrorKind::Cancelled
        {
            metrics::failed("restore", error);
        }
        restored
    }

    async fn restore_any(
        &self,
        empty: &(dyn Fn() -> MachineRestore + Send + Sync),
        mut stop: Pin<&mut (dyn Future<Output = ()> + Send)>,
    ) -> Result<Option<Restored>> {
        let mut damaged = Vec::<Tried>::new();
        for _ in 0..ROUNDS {
            let Some(entry) = self.store.newest().await? else {
                return Ok(None);
            };
            let Some(listed) = self.next_to_try(&entry, &damaged).await? else {
                return none_left(&entry, &damaged);
            };
            let Some(pin) = self.hold(listed).await? else {
                continue;
            };
            let restoring = self.restore_pinned(listed, empty);
            // Neither arm is awaited again.
            let restored = tokio::select! {
                restored = pin.keep(self.policy.pin_expiry.0, restoring) => restored,
                () = stop.as_mut() => {
                    pin.let_go().await;
                    return Err(Error::new(ErrorKind::Cancelled, "restore").context("interrupted"));
                }
            };
            match restored {
                Ok((machine, manifest)) => {
                    return Ok(Some(Restored {
                        machine,
                        manifest,
                        pin,
                        damaged,
                    }));
                }
                Err(error) => {
                    pin.release().await?;
                    let error = damage(error)?;
                    // One that was retired meanwhile lacks parts, and is not damaged.
                    if self.is_listed(&listed.id).await? {
                        let snapshot = listed.id.clone();
                        damaged.push(Tried { snapshot, error });
                    }
                }
            }
        }
        Err(Error::new(ErrorKind::Busy, "restore").context(format!(
            "the snapshot chosen was retired before it was pinned, {ROUNDS} times"
        )))
    }

    /// Pins a listed snapshot, if the store has room for that; `None` when it was retired meanwhile.
    ///
    /// # Errors
    /// Those of the store.
    ///
    /// # Cancel safety
    /// Cancel safe: a pin may stay, and ages.
    pub async fn hold(&self, listed: &Listed) -> Result<Option<RestorePin>> {
        let of = (&listed.id, listed.position.seq);
        let taking = RestorePin::take(&self.store, of, &self.holder, self.even_unpinned);
        let pin = taking.await?;
        if self.is_listed(&listed.id).await? {
            return Ok(Some(pin));
        }
        pin.release().await?;
        Ok(None)
    }

    async fn is_listed(&self, id: &SnapshotId) -> Result<bool> {
        let entry = self.store.newest().await?;
        Ok(entry.is_some_and(|entry| entry.find(id).is_some()))
    }

    /// The newest snapshot that was not tried, and is not of later.
    async fn next_to_try<'a>(
        &self,
        entry: &'a CatalogEntry,
        damaged: &[Tried],
    ) -> Result<Option<&'a Listed>> {
        let tried: BTreeSet<_> = damaged.iter().map(|tried| &tried.snapshot).collect();
        let newest_first = entry.snapshots.iter().rev();
        for listed in newest_first.filter(|listed| !tried.contains(&listed.id)) {
            if self.is_in_time(listed).await? {
                return Ok(Some(listed));
            }
        }
        Ok(None)
    }

    async fn is_in_time(&self, listed: &Listed) -> Result<bool> {
        match self.point {
            Point::Newest => Ok(true),
            Point::Seq(seq) => Ok(listed.position.seq <= seq),
            Point::Time(ms) => match self.store.open(&listed.id).await {
                Ok(reader) => Ok(reader.manifest().stamp_ms <= ms),
                // Whoever tries it says what it lacks.
                Err(error) if is_damage(&error) => Ok(true),
                Err(error) => Err(error),
            },
        }
    }

    async fn restore_pinned(
        &self,
        listed: &Listed,
        empty: &(dyn Fn() -> MachineRestore + Send + Sync),
    ) -> Result<(Machine, Manifest)> {
        let started = tokio::time::Instant::now();
        let reader: Arc<dyn SnapshotReader> = Arc::from(self.store.open(&listed.id).await?);
        let manifest = reader.manifest().clone();
        check_listed(listed, &manifest)?;
        let sink = StateSink(empty());
        let sink = fill::fill(&reader, sink, &self.policy, &*self.progress).await?;
        let machine = fill::finish(sink, &manifest).await?;
        metrics::restored(&manifest, started.elapsed());
        Ok((machine, manifest))
    }
}

fn none_left(entry: &CatalogEntry, damaged: &[Tried]) -> Result<Option<Restored>> {
    if damaged.is_empty() {
        return Ok(None);
    }
    let why: Vec<_> = damaged
        .iter()
        .map(|tried| format!("{}: {}", tried.snapshot, tried.error))
        .collect();
    Err(Error::new(ErrorKind::Corrupt, "restore").context(format!(
        "none of the {} snapshots of catalog entry {} can be restored: {}",
        damaged.len(),
        entry.number,
        why.join("; ")
    )))
}

/// The error, if it says that the snapshot is damaged or not ours to read; otherwise it ends the restore.
fn damage(error: Error) -> Result<Error> {
    if !is_damage(&error) {
        return Err(error);
    }
    tracing::warn!(%error, "snapshot cannot be restored, trying an older one");
    metrics::failed("restore", &error);
    Ok(error)
}

/// Whether it says that a snapshot is damaged, or not ours to read: another one may do.
pub const fn is_damage(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Corrupt | ErrorKind::NotFound | ErrorKind::Foreign | ErrorKind::Version
    )
}

/// Whether a manifest is what the catalog lists.
///
/// # Errors
/// `Corrupt` with both.
pub fn check_listed(listed: &Listed, manifest: &Manifest) -> Result<()> {
    if manifest.position == listed.position && manifest.digest == listed.digest {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Corrupt, "restore").context(format!(
        "the manifest of snapshot {} says Position {} and digest {}, the catalog {} and {}",
        manifest.id, manifest.position, manifest.digest, listed.position, listed.digest
    )))
}
