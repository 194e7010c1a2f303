use std::collections::BTreeSet;
use std::sync::Arc;

use standfast_core::{CatalogEntry, Listed, Result, Seq, SnapshotStore};

use super::cataloguer::Cataloguer;
use super::guard::PinGuard;
use crate::restore::is_damage;

impl Cataloguer {
    /// How far the log, which is trimmed to `done`, may be trimmed beyond that: to the oldest of the newest `min_verified`
    /// verified snapshots of different bases in `entry`, the newest as a round gave it, whose manifests can still be read,
    /// `trim_delay` after this was first seen, and not beyond what a pin needs. `None` when there are not enough, or not for so
    /// long, or when there is nothing beyond: then the store is asked for nothing while the entry is the same. A new term counts
    /// the delay from its own beginning. Trim with [`Self::guard`], which asks for the pins again after the floor was
    /// written (R8).
    ///
    /// # Errors
    /// Those of the store.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub async fn trim_through(&mut self, entry: &CatalogEntry, done: Seq) -> Result<Option<Seq>> {
        let known = self
            .trim_limit
            .filter(|(number, _)| *number == entry.number);
        let limit = match known {
            Some((_, limit)) => limit,
            None => self.look_for_limit(entry).await?,
        };
        let Some(mut limit) = limit else {
            return Ok(None);
        };
        self.trimmable.saw(limit);
        let Some(ripe) = self.trimmable.long_ago(self.policy.trim_delay.0) else {
            return Ok(None);
        };
        if ripe.min(limit) <= done {
            return Ok(None);
        }
        if known.is_some() {
            // It may have been damaged since.
            match self.look_for_limit(entry).await? {
                Some(still) => limit = still,
                None => return Ok(None),
            }
        }
        let through = ripe.min(limit);
        let pins = self.live_pins().await?;
        let pinned = pins.iter().map(|pin| pin.seq).min();
        Ok(Some(pinned.map_or(through, |pinned| pinned.min(through))))
    }

    /// Keeps one trim behind the restores in progress.
    pub fn guard(&self) -> PinGuard {
        PinGuard::new(self.token.clone(), Arc::clone(&self.store))
    }

    /// How far the log could be trimmed by what an entry lists, if it were not for delay and pins.
    async fn look_for_limit(&mut self, entry: &CatalogEntry) -> Result<Option<Seq>> {
        let wanted = self.policy.min_verified;
        let relied_on = relied_on(&*self.store, &entry.snapshots, wanted).await?;
        let found = &relied_on.snapshots;
        let oldest = found.last().filter(|_| found.len() == wanted);
        let limit = oldest.map(|oldest| oldest.position.seq);
        // What is damaged may be put back, or was only not there for a moment.
        self.trim_limit = (!relied_on.met_damage).then_some((entry.number, limit));
        Ok(limit)
    }

    /// Whether what a trim relies on stands at `seq` or above: no further snapshot lets it go beyond.
    ///
    /// # Errors
    /// Those of the store.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub async fn relies_from(&self, seq: Seq) -> Result<bool> {
        let newest = self.store.newest().await?;
        let snapshots = newest.map(|entry| entry.snapshots).unwrap_or_default();
        let wanted = self.policy.min_verified;
        let relied_on = relied_on(&*self.store, &snapshots, wanted).await?;
        let found = relied_on.snapshots.iter();
        let above = found.filter(|listed| listed.position.seq >= seq);
        Ok(above.count() == wanted)
    }
}

/// What a trim relies on: the newest `wanted` of the verified snapshots whose manifests can still be read and that share no
/// part with another; fewer when there are fewer. With a base go all that are layers on it.
pub(super) struct ReliedOn<'a> {
    /// Newest first.
    pub(super) snapshots: Vec<&'a Listed>,
    /// Whether a manifest on the way could not be read.
    met_damage: bool,
}

/// Looks for it.
pub(super) async fn relied_on<'a>(
    store: &dyn SnapshotStore,
    snapshots: &'a [Listed],
    wanted: usize,
) -> Result<ReliedOn<'a>> {
    let mut found = ReliedOn {
        snapshots: Vec::new(),
        met_damage: false,
    };
    let mut families = BTreeSet::new();
    for listed in snapshots.iter().rev().filter(|listed| listed.verified) {
        if found.snapshots.len() == wanted {
            break;
        }
        match store.open(&listed.id).await {
            Ok(reader) => {
                if families.insert(reader.manifest().family().clone()) {
                    found.snapshots.push(listed);
                }
            }
            Err(error) if is_damage(&error) => {
                tracing::error!(%error, snapshot = %listed.id, "a verified snapshot is damaged");
                found.met_damage = true;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
