mod capture;
mod history;

use std::any::Any;
use std::sync::Arc;

use parking_lot::Mutex;

use super::command::{Command, Decision, Op, Refusal, Reply};
use super::context::{ApplyContext, DecideContext, Touched};
use super::service::Service;
use super::sessions::{Recall, Sessions};
use crate::batch::{Batch, DigestAt, Entry};
use crate::clock::{BootInstant, Clock};
use crate::error::{Error, ErrorKind, Result};
use crate::words::{Digest, Fingerprint, Position, Seq, SessionId};

pub use self::capture::{CaptureWhen, Captured};
use self::capture::{Capturing, Wanted};
use self::history::History;

/// A [`Machine`] shared by the thread that applies and those that read.
pub type SharedMachine = Arc<Mutex<Machine>>;

/// One node's copy of the state: the service's rows, the sessions, and where in the log it stands.
///
/// ```text
///   position (last batch end applied)     applied (last entry applied)
///            v                                   v
///   ...[41..60]                     61 62 63 64 65
///                                   decided, not yet sealed into a batch (primary only)
/// ```
///
/// On a standby both are always the same; on a primary `applied` runs ahead.
#[derive(Debug)]
pub struct Machine {
    cluster: Fingerprint,
    service: Box<dyn Service>,
    sessions: Sessions,
    touched: Touched,
    position: Position,
    applied: Seq,
    stamp_ms: u64,
    stamped_at: BootInstant,
    clock: Clock,
    history: History,
    ended: Vec<SessionId>,
    capture: Option<Capturing>,
    wanted: Option<Wanted>,
}

/// What became of an item that was considered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Considered {
    /// Decide on these changes; apply and log them in order.
    Decided {
        /// The service's decision.
        decision: Decision,
        /// What the decision looked at.
        looked: Seq,
    },
    /// Done before.
    Remembered {
        /// The same answer.
        reply: Reply,
        /// What it waits for.
        seq: Seq,
    },
    /// Refused; the refusal waits for what it looked at.
    Refused {
        /// Why.
        refusal: Refusal,
        /// What the decision looked at.
        looked: Seq,
    },
    /// Below the session's window.
    TooOld,
}

/// How a batch's digest compared with ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The batch carries none, or one of a batch end we no longer know.
    Not,
    /// Equal at this Seq.
    Equal(Seq),
    /// Different: the states diverged at or before this Seq.
    Differs {
        /// Where.
        seq: Seq,
        /// Our digest there.
        ours: Digest,
        /// The writer's.
        theirs: Digest,
    },
}

/// What applying a batch did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Where the state stands now.
    pub position: Position,
    /// How the digest in the batch compared.
    pub compared: Compared,
}

impl Machine {
    /// An empty state at genesis.
    pub fn genesis(cluster: Fingerprint, mut service: Box<dyn Service>, clock: Clock) -> Self {
        service.open(cluster);
        let sessions = Sessions::new(cluster);
        Self::at(
            cluster,
            service,
            sessions,
            clock,
            Position::genesis(cluster),
            0,
        )
    }

    pub(super) fn at(
        cluster: Fingerprint,
        service: Box<dyn Service>,
        sessions: Sessions,
        clock: Clock,
        position: Position,
        stamp_ms: u64,
    ) -> Self {
        let mut machine = Self {
            cluster,
            service,
            sessions,
            touched: Touched::new(),
            position,
            applied: position.seq,
            stamp_ms,
            stamped_at: clock.now(),
            clock,
            history: History::default(),
            ended: Vec::new(),
            capture: None,
            wanted: None,
        };
        machine.history.push(position, machine.digest());
        machine
    }

    /// The cluster.
    pub const fn cluster(&self) -> Fingerprint {
        self.cluster
    }

    /// Last batch end applied.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Last entry applied.
    pub const fn applied(&self) -> Seq {
        self.applied
    }

    /// Stamp of the last entry.
    pub const fn stamp_ms(&self) -> u64 {
        self.stamp_ms
    }

    /// The stamp for an entry made now: last stamp and the time since it was applied, on our own clock (R10).
    pub fn now_ms(&self) -> u64 {
        let passed = self.clock.now().since(self.stamped_at).as_millis();
        self.stamp_ms
            .saturating_add(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    /// Digest of everything: rows and sessions.
    pub fn digest(&self) -> Digest {
        self.service.digest().with(self.sessions.digest())
    }

    /// Digest at the batch end `seq`, if it is one of the last 4096, or one of the last 16384 milestones.
    pub fn digest_at(&self, seq: Seq) -> Option<Digest> {
        self.history.at(seq).map(|(_, digest)| digest)
    }

    /// The Position of the batch end `seq` and the digest there, as long as [`Self::digest_at`] knows it: whether
    /// this state passed through another's Position.
    pub fn passed(&self, seq: Seq) -> Option<(Position, Digest)> {
        self.history.at(seq)
    }

    /// Whether the last batch end is a milestone: the first one at or past a multiple of 4096 entries. Batch ends
    /// are the same on every node, so milestones are too, and they are remembered much longer than other
    /// batch ends: captures are best there.
    pub fn at_milestone(&self) -> bool {
        self.history.at_milestone()
    }

    /// The newest batch end whose digest is known.
    pub fn newest_digest(&self) -> Option<DigestAt> {
        self.history.newest()
    }

    /// The service.
    pub fn service(&self) -> &dyn Service {
        &*self.service
    }

    /// Rows and sessions.
    pub fn rows(&self) -> u64 {
        self.service.rows() + self.sessions.len() as u64
    }

    /// A term begins here: soft state gets its grace.
    pub fn term_begins(&mut self) {
        let now_ms = self.now_ms();
        self.service.term_begins(now_ms);
    }

    /// Looks at one item of a command: done before, refused, or to be changed so.
    pub fn consider(&mut self, command: &Command, item: u32, now_ms: u64) -> Considered {
        let header = command.header;
        let number = header.first_item + item;
        match self.sessions.recall(header.session, header.request, number) {
            Recall::Remembered { reply, seq } => return Considered::Remembered { reply, seq },
            Recall::TooOld => return Considered::TooOld,
            Recall::New => {}
        }
        let mut context = DecideContext {
            now_ms,
            touched: &self.touched,
            wait: Seq::ZERO,
        };
        match self.service.decide(&mut context, command, item) {
            Ok(decision) => Considered::Decided {
                decision,
                looked: context.wait,
            },
            Err(refusal) => Considered::Refused {
                refusal,
                looked: context.wait,
            },
        }
    }

    /// Answers a question, and says what the answer waits for.
    pub fn query(&mut self, question: &(dyn Any + Send + Sync)) -> (Box<dyn Any + Send>, Seq) {
        let now_ms = self.now_ms();
        let mut context = DecideContext {
            now_ms,
            touched: &self.touched,
            wait: Seq::ZERO,
        };
        let answer = self.service.query(&mut context, question);
        (answer, context.wait)
    }

    /// The leader's own housekeeping, as operations to log.
    pub fn upkeep(&mut self, now_ms: u64) -> Vec<Op> {
        let mut context = DecideContext {
            now_ms,
            touched: &self.touched,
            wait: Seq::ZERO,
        };
        self.service.upkeep(&mut context)
    }

    /// Applies one entry.
    ///
    /// # Errors
    /// `Gap` when it is not the next one; `Corrupt`, `Version` when it cannot be decoded, with its Seq and
    /// bytes (SM-5).
    pub fn apply(&mut self, entry: &Entry<'_>) -> Result<Reply> {
        if entry.seq != self.applied.next() {
            return Err(Error::new(ErrorKind::Gap, "apply").context(format!(
                "entry {} after {}: want {}",
                entry.seq,
                self.applied,
                self.applied.next()
            )));
        }
        let mut reply = Reply::default();
        if entry.op_type.is_of_service() {
            reply = self.apply_service(entry)?;
            self.sessions.remember(&entry.id, entry.seq, reply.clone());
            for session in std::mem::take(&mut self.ended) {
                self.sessions.end(session);
            }
        }
        self.applied = entry.seq;
        if entry.timestamp_ms > self.stamp_ms {
            self.stamp_ms = entry.timestamp_ms;
            self.stamped_at = self.clock.now();
        }
        Ok(reply)
    }

    fn apply_service(&mut self, entry: &Entry<'_>) -> Result<Reply> {
        let mut context = ApplyContext {
            cluster: self.cluster,
            seq: entry.seq,
            now_ms: entry.timestamp_ms,
            touched: &mut self.touched,
            ended: &mut self.ended,
        };
        self.service.apply(&mut context, entry).map_err(|error| {
            let bytes = entry
                .payload
                .get(..entry.payload.len().min(64))
                .unwrap_or_default();
            error.context(format!(
                "entry {} of op type {}, payload of {} bytes: {bytes:02x?}",
                entry.seq,
                entry.op_type,
                entry.payload.len()
            ))
        })
    }

    /// The entries applied so far end a batch at `end`. A capture that is wanted begins here.
    ///
    /// # Panics
    /// When `end` is not the last entry applied.
    pub fn batch_ends(&mut self, end: Position) {
        assert_eq!(end.seq, self.applied, "a batch ends at its last entry");
        self.position = end;
        self.history.push(end, self.digest());
        if self.wanted.is_some() {
            self.capture_if_wanted();
        }
    }

    /// Applies a whole committed batch and compares the digest it carries.
    ///
    /// # Errors
    /// `Gap` when it does not follow the state's Position; as [`Self::apply`]: the state then stands in
    /// mid-batch and must not be used further.
    pub fn apply_batch(&mut self, batch: &Batch) -> Result<Applied> {
        if !batch.follows(self.position) || self.applied != self.position.seq {
            return Err(Error::new(ErrorKind::Gap, "apply").context(format!(
                "batch {}..{} of epoch {} does not follow {}",
                batch.first(),
                batch.last(),
                batch.epoch(),
                self.position
            )));
        }
        for entry in batch.entries() {
            self.apply(&entry?)?;
        }
        self.batch_ends(batch.end());
        Ok(Applied {
            position: self.position,
            compared: self.compare(batch.digest_at()),
        })
    }

    fn compare(&self, theirs: Option<DigestAt>) -> Compared {
        let Some(theirs) = theirs else {
            return Compared::Not;
        };
        match self.history.at(theirs.seq) {
            None => Compared::Not,
            Some((_, ours)) if ours == theirs.digest => Compared::Equal(theirs.seq),
            Some((_, ours)) => Compared::Differs {
                seq: theirs.seq,
                ours,
                theirs: theirs.digest,
            },
        }
    }

    /// Takes the machine apart: the service, for starting again from genesis or a snapshot.
    pub fn begin_restore(&self) -> super::MachineRestore {
        super::MachineRestore::new(
            self.cluster,
            self.service.begin_restore(),
            self.service.versions(),
            self.clock.clone(),
        )
    }

    /// Format versions of the service.
    pub fn versions(&self) -> crate::batch::Versions {
        self.service.versions()
    }
}
