use std::collections::BTreeSet;

use super::machine::{CHANGES, COMPLETE, Machine};
use super::service::{EachChange, ShadowState};
use super::sessions::Sessions;
use crate::batch::Versions;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::Manifest;
use crate::words::{Digest, Fingerprint, Section};

/// A [`Machine`] that is being filled from a snapshot. Nobody sees it before its digest matched.
#[derive(Debug)]
pub struct MachineRestore {
    cluster: Fingerprint,
    shadow: Box<dyn ShadowState>,
    sessions: Sessions,
    versions: Versions,
    clock: Clock,
    /// Sections of which all rows are loaded.
    complete: BTreeSet<Section>,
}

impl MachineRestore {
    pub(super) fn new(
        cluster: Fingerprint,
        shadow: Box<dyn ShadowState>,
        versions: Versions,
        clock: Clock,
    ) -> Self {
        Self {
            cluster,
            shadow,
            sessions: Sessions::new(cluster),
            versions,
            clock,
            complete: BTreeSet::new(),
        }
    }

    /// Whether this program can read the rows of a snapshot and compute its digest: asked before the first part is
    /// read, so that rows of a newer version are not taken for damaged ones.
    ///
    /// # Errors
    /// `Foreign` for another cluster's manifest; `Version` with both versions.
    pub fn check(&self, manifest: &Manifest) -> Result<()> {
        if manifest.cluster != self.cluster {
            return Err(Error::new(ErrorKind::Foreign, "restore").context(format!(
                "snapshot {} is of cluster {}, this is {}",
                manifest.id, manifest.cluster, self.cluster
            )));
        }
        let (theirs, ours) = (manifest.versions, self.versions);
        if theirs.lowest_reader > ours.written || theirs.digest != ours.digest {
            return Err(Error::new(ErrorKind::Version, "restore").context(format!(
                "snapshot {} needs a reader of version {} and digest version {}, this program has {} and {}",
                manifest.id, theirs.lowest_reader, theirs.digest, ours.written, ours.digest
            )));
        }
        Ok(())
    }

    /// Adds what changed in one section, as [`Machine::read_changes`] wrote it. What changed last comes first.
    ///
    /// # Errors
    /// `Corrupt` when it cannot be decoded.
    pub fn load_changes(&mut self, section: Section, changes: &[u8]) -> Result<()> {
        let (kind, rows) = kind_of(section, changes)?;
        if self.complete.contains(&section) {
            return Ok(());
        }
        if kind == COMPLETE {
            self.load(section, rows)?;
            self.complete.insert(section);
            return Ok(());
        }
        if section.sessions().is_some() {
            return self.sessions.load_changes(rows);
        }
        self.shadow.load_changes(section, rows)
    }

    /// Adds the rows of one section. Globals come first. After [`Self::load_changes`], only those that are not known to
    /// have changed.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be decoded.
    pub fn load(&mut self, section: Section, rows: &[u8]) -> Result<()> {
        self.load_all(&[(section, rows)])
    }

    /// The same of several sections, none of them twice; the service may use several threads.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_all(&mut self, sections: &[(Section, &[u8])]) -> Result<()> {
        let mut of_service = Vec::with_capacity(sections.len());
        for &(section, rows) in sections {
            if self.complete.contains(&section) {
                continue;
            }
            if section.sessions().is_some() {
                self.sessions.load(rows)?;
            } else {
                of_service.push((section, rows));
            }
        }
        self.shadow.load_all(&of_service)
    }

    /// Digest of the rows of one section, without keeping them; `None` when the service cannot tell.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be decoded.
    pub fn digest_rows(&self, section: Section, rows: &[u8]) -> Result<Option<Digest>> {
        if section.sessions().is_some() {
            return Sessions::digest_rows(self.cluster, rows).map(Some);
        }
        self.shadow.digest_rows(section, rows)
    }

    /// Gives key and bytes of every row of one of the service's sections, without keeping them; `false` when the service
    /// cannot tell.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be decoded.
    pub fn each_row(
        &self,
        section: Section,
        rows: &[u8],
        each: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<bool> {
        self.shadow.each_row(section, rows, each)
    }

    /// Gives key and digest of every row of one section that has keys, sessions too; `false` when the service cannot tell.
    pub(super) fn digest_each(
        &self,
        section: Section,
        rows: &[u8],
        each: &mut dyn FnMut(&[u8], Digest),
    ) -> Result<bool> {
        if section.sessions().is_some() {
            return Sessions::digest_each(self.cluster, rows, each).map(|()| true);
        }
        self.shadow.each_row(section, rows, &mut |key, row| {
            each(key, Digest::of_row(self.cluster, row));
        })
    }

    /// The same for what follows [`CHANGES`] in a section of changes; `None` for a row that is gone.
    pub(super) fn digest_changes(
        &self,
        section: Section,
        changes: &[u8],
        each: &mut dyn FnMut(&[u8], Option<Digest>),
    ) -> Result<bool> {
        if section.sessions().is_some() {
            return Sessions::digest_changes(self.cluster, changes, each).map(|()| true);
        }
        self.shadow.each_change(section, changes, &mut |key, row| {
            each(key, row.map(|row| Digest::of_row(self.cluster, row)));
        })
    }

    /// Stands for a key where a key would take too much memory.
    pub(super) fn hash_of_key(&self, key: &[u8]) -> u64 {
        #[expect(clippy::cast_possible_truncation, reason = "a half of a hash is one")]
        let half = Digest::of_row(self.cluster, key).0 as u64;
        half
    }

    /// Gives key and bytes of every row that a section of changes sets, and the key of every one that is gone; whether
    /// it is complete, so that no earlier row counts; `None` when the service cannot tell.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be decoded.
    pub fn each_change(
        &self,
        section: Section,
        changes: &[u8],
        each: &mut EachChange<'_>,
    ) -> Result<Option<bool>> {
        let (kind, rows) = kind_of(section, changes)?;
        let complete = kind == COMPLETE;
        let told = if complete {
            let mut set = |key: &[u8], row: &[u8]| each(key, Some(row));
            self.shadow.each_row(section, rows, &mut set)?
        } else {
            self.shadow.each_change(section, rows, each)?
        };
        Ok(told.then_some(complete))
    }

    /// The state, if it is what the manifest says.
    ///
    /// # Errors
    /// As [`Self::check`]; `Corrupt` with both digests when they differ.
    pub fn finish(mut self, manifest: &Manifest) -> Result<Machine> {
        self.check(manifest)?;
        let service = self.shadow.finish()?;
        self.sessions.loaded();
        let machine = Machine::at(
            self.cluster,
            service,
            self.sessions,
            self.clock,
            manifest.position,
            manifest.stamp_ms,
        );
        if machine.digest() == manifest.digest {
            return Ok(machine);
        }
        Err(Error::new(ErrorKind::Corrupt, "restore").context(format!(
            "snapshot {} restores to digest {}, its manifest says {}",
            manifest.id,
            machine.digest(),
            manifest.digest
        )))
    }
}

/// The first byte of a section of changes, and what follows it.
pub(super) fn kind_of(section: Section, changes: &[u8]) -> Result<(u8, &[u8])> {
    let kind = changes.split_first().map(|(kind, rows)| (*kind, rows));
    let known = kind.filter(|(kind, _)| [COMPLETE, CHANGES].contains(kind));
    known.ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, "restore").context(format!(
            "section {} does not begin as a section of changes does",
            section.number()
        ))
    })
}
