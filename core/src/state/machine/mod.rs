mod apply;
mod capture;
mod decide;
mod history;

use std::sync::Arc;

use parking_lot::Mutex;

use super::context::Touched;
use super::service::Service;
use super::sessions::Sessions;
use crate::batch::DigestAt;
use crate::clock::{BootInstant, Clock};
use crate::oplog::Skip;
use crate::words::{Digest, Fingerprint, Position, Seq, SessionId};

pub use self::apply::{Applied, Compared};
pub use self::capture::{Base, CaptureWhen, Captured};
pub(super) use self::capture::{CHANGES, COMPLETE};
use self::capture::{Capturing, Wanted};
pub use self::decide::Considered;
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
    /// Of the log, applied since this state began.
    log_bytes: u64,
    ended: Vec<SessionId>,
    capture: Option<Capturing>,
    /// The last that began, in progress or not, and where.
    last_capture: Option<(Capturing, Position)>,
    /// Where the base of captures stands.
    base: Option<Position>,
    wanted: Option<Wanted>,
    skips: Vec<Skip>,
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
            log_bytes: 0,
            ended: Vec::new(),
            capture: None,
            last_capture: None,
            base: None,
            wanted: None,
            skips: Vec::new(),
        };
        machine.history.push(position, machine.digest(), 0);
        machine
    }

    /// Passes these entries over: what the log's store says that all do ([`crate::OpLogStore::skips`]).
    pub fn pass_over(&mut self, skips: Vec<Skip>) {
        self.skips = skips;
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

    /// Bytes of log applied after the batch end `seq`. Less than there were when that batch end is forgotten: counted
    /// from the next one that is remembered, or from where this state began.
    pub fn log_bytes_since(&self, seq: Seq) -> u64 {
        self.log_bytes - self.history.log_bytes_at(seq).min(self.log_bytes)
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
