use std::any::Any;
use std::fmt::Debug;

use super::command::{Command, Decision, Refusal, Reply};
use super::context::{ApplyContext, DecideContext};
use crate::batch::{Entry, Versions};
use crate::error::{Error, ErrorKind, Result};
use crate::words::{Digest, Fingerprint, Section};

/// Names a capture in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CaptureId(pub u64);

/// Some rows of a section that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// How many.
    pub rows: u64,
    /// Whether there may be more.
    pub more: bool,
}

/// A state in memory that changes by applying entries, and by nothing else.
///
/// * **SM-1** `apply` is deterministic: no clock, no randomness, no I/O, no hash-map order (R10). Two states with
///   the same digest that apply the same entry have the same digest and give the same reply.
/// * **SM-2** The digest is the sum over all rows of all sections ([`Digest`]), kept up to date in O(1) a change.
///   Soft state (leases, ping times) is outside it and outside captures.
/// * **SM-3** A capture is of the instant `capture` returned, whatever is applied while it is read. At most one at
///   a time; each section is read once.
/// * **SM-4** Rows that were captured and loaded into a shadow state give the same digest.
/// * **SM-5** An entry that cannot be decoded is `Corrupt` or `Version`, and the state is as before; it is never
///   applied as an empty value.
pub trait StateMachine: Send + Debug {
    /// Applies one entry of the service's own op types and returns the reply to whoever asked for it.
    ///
    /// # Errors
    /// `Corrupt`, `Version` (SM-5). The node stops with the entry's Seq and bytes.
    fn apply(&mut self, context: &mut ApplyContext<'_>, entry: &Entry<'_>) -> Result<Reply>;

    /// Digest of everything.
    fn digest(&self) -> Digest;

    /// Digest of one section of the service's rows.
    fn section_digest(&self, section: Section) -> Digest;

    /// Number of rows, for people and for progress.
    fn rows(&self) -> u64;

    /// Begins a capture: stamps a generation, copies nothing large.
    fn capture(&mut self) -> CaptureId;

    /// Appends the rows of one section as they were when the capture began, in any encoding of the service's
    /// own, and returns how many. Called once for each of the service's sections, each time under the
    /// state's lock: at most about a millisecond.
    fn read_section(&mut self, capture: CaptureId, section: Section, out: &mut Vec<u8>) -> u64;

    /// Appends the next rows of one section, at most about `most` of them. What all calls for a section appended, one
    /// after the other, is what [`Self::read_section`] would have appended, but for the order of the rows. Entries are
    /// applied between two calls. For services with more than a few thousand rows a section: nobody waits long for the
    /// state's lock then. The default gives the whole section, which is right for every service.
    fn read_some(
        &mut self,
        capture: CaptureId,
        section: Section,
        _most: usize,
        out: &mut Vec<u8>,
    ) -> Portion {
        Portion {
            rows: self.read_section(capture, section, out),
            more: false,
        }
    }

    /// How many of the service's rows with keys changed from its *base*, a capture that it was told of by
    /// [`Self::rebase`], to the capture in progress. `None` when it cannot tell which, or when they are so many that a
    /// snapshot of everything is the smaller trouble. A service that always says `None` is captured as a whole each time,
    /// which is right for every service.
    fn changed(&self) -> Option<u64> {
        None
    }

    /// Appends what changed in one section from the base to the capture in progress: rows as they were when the capture
    /// began, and the keys of those that were gone; returns how many of both. `None`, and nothing appended, when all
    /// rows of the section are to be read instead. Called in place of [`Self::read_section`], after [`Self::changed`]
    /// said how many.
    fn read_changes(
        &mut self,
        _capture: CaptureId,
        _section: Section,
        _out: &mut Vec<u8>,
    ) -> Option<u64> {
        None
    }

    /// Makes the last capture, ended or not, the base.
    fn rebase(&mut self, _capture: CaptureId) {}

    /// Ends a capture, finished or not.
    fn end_capture(&mut self, capture: CaptureId);

    /// An empty state with this one's settings, to be filled from a snapshot and swapped in when its digest
    /// matches.
    fn begin_restore(&self) -> Box<dyn ShadowState>;

    /// Format versions of entries, rows and digest.
    fn versions(&self) -> Versions;
}

/// Takes the key of a row that changed, and its bytes unless it is gone.
pub type EachChange<'a> = dyn FnMut(&[u8], Option<&[u8]>) + 'a;

/// A state that is being filled from a snapshot.
pub trait ShadowState: Send + Debug {
    /// Adds the rows of one section, as `read_section` wrote them. Globals come first.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be decoded.
    fn load(&mut self, section: Section, rows: &[u8]) -> Result<()>;

    /// Adds the rows of several sections, as [`Self::load`] does one after the other; none of them comes twice. For
    /// services with millions of rows: several threads may load them, as no two sections have a key in common. The default
    /// loads one after the other, which is right for every service.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be decoded.
    fn load_all(&mut self, sections: &[(Section, &[u8])]) -> Result<()> {
        let mut all = sections.iter();
        all.try_for_each(|(section, rows)| self.load(*section, rows))
    }

    /// Adds the rows of one section, as `read_changes` wrote them. What changed last comes first: a key that is known
    /// already, as a row or as gone, stays as it is, here and in every [`Self::load`] that follows.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be decoded; `Unsupported` by a service that writes none.
    fn load_changes(&mut self, section: Section, _changes: &[u8]) -> Result<()> {
        Err(
            Error::new(ErrorKind::Unsupported, "restore").context(format!(
                "section {} holds only what changed, and the service has no `load_changes`",
                section.number()
            )),
        )
    }

    /// Digest of the rows of one section, without keeping them: lets a snapshot be verified without the memory of
    /// a second state. `None` when the service cannot tell; the snapshot is then restored into a scratch state
    /// instead, which is right for every service. Asked with no rows to learn whether the service can.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be decoded.
    fn digest_rows(&self, section: Section, rows: &[u8]) -> Result<Option<Digest>> {
        let _ = (section, rows);
        Ok(None)
    }

    /// Gives key and bytes of every row of one section that has keys, without keeping them: lets two snapshots be
    /// compared row by row, and a layer be verified without the memory of a second state. Rows are equal when their bytes
    /// are, and the bytes are those of the row's hash ([`Digest::of_row`]). `false` when the service cannot tell.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be decoded.
    fn each_row(
        &self,
        _section: Section,
        _rows: &[u8],
        _each: &mut dyn FnMut(&[u8], &[u8]),
    ) -> Result<bool> {
        Ok(false)
    }

    /// The same for what `read_changes` wrote; `None` for a row that was gone.
    ///
    /// # Errors
    /// `Corrupt` when they cannot be decoded.
    fn each_change(
        &self,
        _section: Section,
        _changes: &[u8],
        _each: &mut EachChange<'_>,
    ) -> Result<bool> {
        Ok(false)
    }

    /// The state, when all sections were loaded.
    ///
    /// # Errors
    /// `Corrupt` when rows contradict each other.
    fn finish(self: Box<Self>) -> Result<Box<dyn Service>>;
}

/// A state machine that also decides: what a service author implements, or gets from the typed adapter.
///
/// The primary calls it on many threads, one at a time. `decide`, `query` and `upkeep` take `&mut self` for soft state only
/// (leases, ping times, where to look first); what is in the digest changes in `apply` alone.
pub trait Service: StateMachine {
    /// The cluster, told once before anything else: seed of row hashes.
    fn open(&mut self, cluster: Fingerprint);

    /// Validates one item of a command and turns it into operations. Reports what it looked at.
    ///
    /// # Errors
    /// The refusal, which is the item's outcome.
    fn decide(
        &mut self,
        context: &mut DecideContext<'_>,
        command: &Command,
        item: u32,
    ) -> Result<Decision, Refusal>;

    /// Answers a question about the state. Reports what it looked at. Copies what it answers out of the
    /// state.
    fn query(
        &mut self,
        context: &mut DecideContext<'_>,
        question: &(dyn Any + Send + Sync),
    ) -> Box<dyn Any + Send>;

    /// The leader's own housekeeping (expiry, quarantine, eviction), asked for about ten times a second.
    fn upkeep(&mut self, context: &mut DecideContext<'_>) -> Vec<super::Op>;

    /// A term begins at this stamp: soft state starts with its grace.
    fn term_begins(&mut self, now_ms: u64);

    /// What was acknowledged after this state may be lost: told after [`Self::term_begins`], in mode `snapshot`. The first
    /// [`Self::upkeep`] comes before the first command and question then, so that a service whose callers act outside on
    /// what it says can give up, through the log, what they may have changed since. Nothing to do by default.
    fn suffix_lost(&mut self) {}
}
