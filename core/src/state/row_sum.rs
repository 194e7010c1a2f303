use std::collections::{BTreeMap, BTreeSet};

use super::machine::COMPLETE;
use super::restore::{MachineRestore, kind_of};
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::Manifest;
use crate::words::{Bucket, Digest, Section};

/// Sums up the digest of a snapshot without keeping its rows: proves it in little memory.
///
/// Takes what a [`MachineRestore`] takes, in the same order, and counts the rows that the restore would keep. For that it
/// remembers which keys the layers told: a row of the base whose key is among them is left out of the sum.
///
/// ```text
///   layer 0   k1 set  k2 gone            counts: k1                    told: k1 k2
///   layer 1   k1 set  k3 set             counts: k3                    told: k1 k2 k3
///   base      k1  k2  k3  k4             counts: k4
/// ```
///
/// Memory: 8 bytes, a hash, for each key that the layers tell. By [`CapturedMap`](crate::CapturedMap) these are at most 30 % of
/// the rows. Two keys of one section with the same hash would make a good snapshot fail: at ten million rows one in
/// hundreds of millions.
#[derive(Debug)]
pub struct RowSum {
    rows: MachineRestore,
    sum: Digest,
    /// Hashes of the keys that layers told, in order.
    told: BTreeMap<Section, Vec<u64>>,
    /// Sections of which all rows were counted.
    complete: BTreeSet<Section>,
    unknown: bool,
}

impl RowSum {
    /// The sum of nothing; `empty` knows the rows of its service.
    pub const fn new(empty: MachineRestore) -> Self {
        Self {
            rows: empty,
            sum: Digest(0),
            told: BTreeMap::new(),
            complete: BTreeSet::new(),
            unknown: false,
        }
    }

    /// Whether the service can tell at all: asked before anything is downloaded.
    ///
    /// # Errors
    /// As the service's.
    pub fn probe(&self) -> Result<bool> {
        Ok(self.rows.digest_rows(Section::GLOBALS, &[])?.is_some())
    }

    /// As [`MachineRestore::check`].
    ///
    /// # Errors
    /// The same.
    pub fn check(&self, manifest: &Manifest) -> Result<()> {
        self.rows.check(manifest)
    }

    /// Counts what changed in one section. What changed last comes first.
    ///
    /// # Errors
    /// `Corrupt` when it cannot be decoded, and when it tells a key twice.
    pub fn add_changes(&mut self, section: Section, changes: &[u8]) -> Result<()> {
        let (kind, rows) = kind_of(section, changes)?;
        if self.unknown || self.complete.contains(&section) {
            return Ok(());
        }
        if kind == COMPLETE {
            self.add(section, rows)?;
            self.complete.insert(section);
            return Ok(());
        }
        let told = self.told.entry(section).or_default();
        let mut new = Vec::new();
        let (sum, unknown) = (&mut self.sum, &mut self.unknown);
        let tells = self.rows.digest_changes(section, rows, &mut |key, row| {
            // A key that is not where its hash says might be told in its own section too: a restore finds that.
            *unknown |= section_of_key(section, key) != Some(section);
            let hash = self.rows.hash_of_key(key);
            if told.binary_search(&hash).is_err() {
                new.push(hash);
                *sum = sum.with(row.unwrap_or_default());
            }
        })?;
        self.unknown |= !tells;
        let distinct = new.len();
        new.sort_unstable();
        new.dedup();
        if new.len() < distinct {
            return Err(
                Error::new(ErrorKind::Corrupt, "verify snapshot").context(format!(
                    "section {} of a layer tells a key twice",
                    section.number()
                )),
            );
        }
        told.reserve_exact(new.len());
        told.append(&mut new);
        told.sort_unstable();
        Ok(())
    }

    /// Counts the rows of one section, but for those of keys that changed.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be decoded.
    pub fn add(&mut self, section: Section, rows: &[u8]) -> Result<()> {
        if self.unknown || self.complete.contains(&section) {
            return Ok(());
        }
        let Some(told) = self.told.get(&section) else {
            match self.rows.digest_rows(section, rows)? {
                Some(digest) => self.sum = self.sum.with(digest),
                None => self.unknown = true,
            }
            return Ok(());
        };
        let sum = &mut self.sum;
        let tells = self.rows.digest_each(section, rows, &mut |key, row| {
            if told.binary_search(&self.rows.hash_of_key(key)).is_err() {
                *sum = sum.with(row);
            }
        })?;
        self.unknown |= !tells;
        Ok(())
    }

    /// Whether the rows add up to the manifest's digest; `false` when the service could not tell, and only a restore can.
    ///
    /// # Errors
    /// `Corrupt` with both digests when they differ.
    pub fn finish(self, manifest: &Manifest) -> Result<bool> {
        if self.unknown || self.sum == manifest.digest {
            return Ok(!self.unknown);
        }
        Err(
            Error::new(ErrorKind::Corrupt, "verify snapshot").context(format!(
                "the rows of snapshot {} add up to digest {}, its manifest says {}",
                manifest.id, self.sum, manifest.digest
            )),
        )
    }
}

/// The section of the same kind in which a key belongs.
fn section_of_key(section: Section, key: &[u8]) -> Option<Section> {
    let bucket = Bucket::of_key(key);
    match section.sessions() {
        Some(_) => Some(Section::of_sessions(bucket)),
        None => section.bucket().map(|_| Section::of_bucket(bucket)),
    }
}
