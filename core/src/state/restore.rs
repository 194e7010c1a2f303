use super::machine::Machine;
use super::service::ShadowState;
use super::sessions::Sessions;
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
    clock: Clock,
}

impl MachineRestore {
    pub(super) fn new(cluster: Fingerprint, shadow: Box<dyn ShadowState>, clock: Clock) -> Self {
        Self {
            cluster,
            shadow,
            sessions: Sessions::new(cluster),
            clock,
        }
    }

    /// Adds the rows of one section. Globals come first.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be decoded.
    pub fn load(&mut self, section: Section, rows: &[u8]) -> Result<()> {
        if section.sessions().is_some() {
            return self.sessions.load(rows);
        }
        self.shadow.load(section, rows)
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

    /// The state, if it is what the manifest says.
    ///
    /// # Errors
    /// `Foreign` for another cluster's manifest; `Corrupt` with both digests when they differ.
    pub fn finish(self, manifest: &Manifest) -> Result<Machine> {
        if manifest.cluster != self.cluster {
            return Err(Error::new(ErrorKind::Foreign, "restore").context(format!(
                "snapshot {} is of cluster {}, this is {}",
                manifest.id, manifest.cluster, self.cluster
            )));
        }
        let service = self.shadow.finish()?;
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
