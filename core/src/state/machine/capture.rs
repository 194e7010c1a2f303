use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::oneshot;

use super::Machine;
use crate::batch::Versions;
use crate::error::{Error, ErrorKind, Result};
use crate::state::{CaptureId, Portion};
use crate::words::{Digest, Fingerprint, Position, Section};

/// A state stamped at a batch end: what a snapshot will say of itself. Its rows are still to be read, with
/// [`Machine::read_section`], and [`Machine::end_capture`] is still to be called, read or not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a capture that is not ended keeps before-images for ever"]
pub struct Captured {
    /// Names the capture.
    pub id: CaptureId,
    /// The cluster.
    pub cluster: Fingerprint,
    /// The batch end it was stamped at. On a primary it need not be committed yet.
    pub position: Position,
    /// Digest there.
    pub digest: Digest,
    /// Stamp of the last entry.
    pub stamp_ms: u64,
    /// Rows and sessions.
    pub rows: u64,
    /// Format versions of the rows.
    pub versions: Versions,
    /// What it can be told as a change of; `None` when only all rows tell.
    pub base: Option<Base>,
}

/// An earlier capture from which it is known which rows changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// What it is a capture of.
    pub position: Position,
    /// Rows with keys that changed or went since.
    pub changed: u64,
}

/// At which batch end a capture is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureWhen {
    /// At the next milestone, which other nodes will remember ([`Machine::at_milestone`]).
    Milestone,
    /// At the next batch end, or now if this is one.
    BatchEnd,
}

/// A capture that is wanted.
#[derive(Debug)]
pub(super) struct Wanted {
    when: CaptureWhen,
    reply: oneshot::Sender<Captured>,
}

/// The capture in progress, under its own name and the service's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capturing {
    id: CaptureId,
    of_service: CaptureId,
}

/// First byte of a section of changes: all rows of the section follow.
pub(in crate::state) const COMPLETE: u8 = 0;
/// First byte of a section of changes: rows that changed and keys that went follow, as the service writes them.
pub(in crate::state) const CHANGES: u8 = 1;

/// Captures are numbered over all machines of a process: a node that bootstraps again has another machine, and a
/// reader of the old one's capture must not read the new one's rows under the same name.
static CAPTURES: AtomicU64 = AtomicU64::new(1);

impl Machine {
    /// Begins a capture at the present batch end.
    ///
    /// # Errors
    /// `Busy` while another capture is in progress (SM-3).
    ///
    /// # Panics
    /// In mid-batch: snapshots are at batch ends only.
    pub fn capture(&mut self) -> Result<Captured> {
        assert_eq!(
            self.applied, self.position.seq,
            "captures are at batch ends"
        );
        if self.capture.is_some() {
            return Err(Error::new(ErrorKind::Busy, "capture")
                .context("another capture of this state is in progress"));
        }
        let id = CaptureId(CAPTURES.fetch_add(1, Ordering::Relaxed));
        self.sessions.capture();
        let of_service = self.service.capture();
        self.capture = Some(Capturing { id, of_service });
        self.last_capture = Some((Capturing { id, of_service }, self.position));
        let changed = self.service.changed();
        Ok(Captured {
            id,
            cluster: self.cluster,
            position: self.position,
            digest: self.digest(),
            stamp_ms: self.stamp_ms,
            rows: self.rows(),
            versions: self.versions(),
            base: self
                .base
                .zip(changed)
                .map(|(position, changed)| Base { position, changed }),
        })
    }

    /// Begins a capture as soon as the state stands at such a batch end, and sends it to `reply`. Whoever applies
    /// needs to know nothing of it. Takes the place of an earlier wish that is still open.
    pub fn want_capture(&mut self, when: CaptureWhen, reply: oneshot::Sender<Captured>) {
        self.wanted = Some(Wanted { when, reply });
        if self.applied == self.position.seq {
            self.capture_if_wanted();
        }
    }

    /// At a batch end: begins the capture that is wanted, if it is wanted here and none is in progress.
    pub(super) fn capture_if_wanted(&mut self) {
        let milestone = self.at_milestone();
        let free = self.capture.is_none();
        let wanted = self
            .wanted
            .take_if(|wanted| free && (milestone || wanted.when == CaptureWhen::BatchEnd));
        let Some(wanted) = wanted.filter(|wanted| !wanted.reply.is_closed()) else {
            return;
        };
        let captured = self.capture().expect("at a batch end, none in progress");
        if let Err(unread) = wanted.reply.send(captured) {
            self.end_capture(unread.id);
        }
    }

    /// Appends the rows of one section as they were when the capture began; returns how many.
    ///
    /// # Errors
    /// `Cancelled` when this is not the capture in progress: the state was replaced meanwhile.
    pub fn read_section(
        &mut self,
        capture: CaptureId,
        section: Section,
        out: &mut Vec<u8>,
    ) -> Result<u64> {
        let capturing = self.capturing(capture)?;
        Ok(match section.sessions() {
            Some(bucket) => self.sessions.read_some(bucket, usize::MAX, out).rows,
            None => self
                .service
                .read_section(capturing.of_service, section, out),
        })
    }

    /// Appends the next rows of one section, at most about `most` of them, for a reader that does not want to hold the
    /// state for longer. What all calls for a section appended is the section.
    ///
    /// # Errors
    /// As [`Self::read_section`].
    pub fn read_some(
        &mut self,
        capture: CaptureId,
        section: Section,
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<Portion> {
        let capturing = self.capturing(capture)?;
        Ok(match section.sessions() {
            Some(bucket) => self.sessions.read_some(bucket, most, out),
            None => self
                .service
                .read_some(capturing.of_service, section, most, out),
        })
    }

    /// Appends what changed in one section from the base to the capture in progress, in the form that
    /// [`MachineRestore::load_changes`](crate::MachineRestore::load_changes) takes; returns how many rows. For a capture with a base.
    ///
    /// # Errors
    /// As [`Self::read_section`].
    pub fn read_changes(
        &mut self,
        capture: CaptureId,
        section: Section,
        out: &mut Vec<u8>,
    ) -> Result<u64> {
        let capturing = self.capturing(capture)?;
        let start = out.len();
        out.push(CHANGES);
        let changed = match section.sessions() {
            Some(bucket) => self.sessions.read_changes(bucket, out),
            None => self
                .service
                .read_changes(capturing.of_service, section, out),
        };
        match changed {
            Some(0) => out.truncate(start),
            Some(_) => {}
            None => {
                out.truncate(start);
                out.push(COMPLETE);
                return self.read_section(capture, section, out);
            }
        }
        Ok(changed.unwrap_or_default())
    }

    /// Makes this capture the base of those to come, if it is the last. For a capture that was stored: what changes from
    /// here on is enough to tell the next.
    pub fn rebase(&mut self, capture: CaptureId) {
        let last = self.last_capture.take_if(|(last, _)| last.id == capture);
        if let Some((capturing, position)) = last {
            self.sessions.rebase();
            self.service.rebase(capturing.of_service);
            self.base = Some(position);
        }
    }

    fn capturing(&self, capture: CaptureId) -> Result<Capturing> {
        let capturing = self.capture.filter(|capturing| capturing.id == capture);
        capturing.ok_or_else(|| {
            Error::new(ErrorKind::Cancelled, "capture")
                .context("the state was replaced while it was being captured")
        })
    }

    /// Ends a capture, finished or not. Does nothing when it is not the one in progress. Another that is wanted
    /// begins here, if this is its batch end: where nothing is written none may come for long.
    pub fn end_capture(&mut self, capture: CaptureId) {
        if let Some(capturing) = self.capture.take_if(|capturing| capturing.id == capture) {
            self.sessions.end_capture();
            self.service.end_capture(capturing.of_service);
            if self.applied == self.position.seq {
                self.capture_if_wanted();
            }
        }
    }
}
