use standfast_core::{Bucket, Op as LoggedOp, Seq};

use super::decide::logged;
use super::machine::MetadataService;
use crate::config::millis;
use crate::key::ObjectKey;
use crate::op::{Op, Range};
use crate::state::SegmentStatus;

/// Rows that one operation sweeps, about: a fraction of a millisecond.
const SWEEP_ROWS: usize = 16_384;
/// Operations of sweeping in one round.
const SWEEPS: usize = 4;
/// Puts given up in one round.
const REVOKES: usize = 1024;

impl MetadataService {
    /// What is due, as operations to log.
    pub(super) fn housekeeping(&mut self, now_ms: u64) -> Vec<LoggedOp> {
        self.notice_pause(now_ms);
        self.soft.forget_groups(now_ms, &self.config);
        let mut ops = Vec::new();
        ops.extend(self.retire());
        if self
            .tables
            .held_until()
            .is_some_and(|until| until <= now_ms)
        {
            ops.push(Op::Release);
        }
        ops.extend(self.unmount_due(now_ms));
        ops.extend(self.expire(now_ms));
        if ops.is_empty() {
            // What was decided above may unmount segments; these wait for the next round.
            ops.extend(self.top_up());
            ops.extend(self.sweep());
        }
        // These name objects, which are gone when their segments are.
        let gone = |op: &Op| matches!(op, Op::Expire { .. } | Op::Unmount { .. });
        let unmounts = ops.iter().any(gone);
        let mut logged_ops: Vec<_> = ops.iter().map(|op| logged(None, op)).collect();
        if !unmounts {
            logged_ops.extend(self.abandon(now_ms));
            logged_ops.extend(self.evict(now_ms));
        }
        logged_ops
    }

    /// Time that passed without upkeep passed without our listening: nobody is expired for it.
    fn notice_pause(&mut self, now_ms: u64) {
        let pause = now_ms.saturating_sub(self.soft.upkeep_ms);
        if pause > millis(self.config.client_ttl) / 2 {
            self.soft.listening_since_ms = now_ms;
        }
        self.soft.upkeep_ms = now_ms;
    }

    fn retire(&mut self) -> Option<Op> {
        let through = self.soft.floor;
        let mut segments = self.tables.segments().values();
        if segments.any(|segment| segment.space.has_reserved_through(through)) {
            return Some(Op::Retire {
                through,
                hold_ms: millis(self.config.put_start_release),
            });
        }
        self.soft.floor = Seq::ZERO;
        None
    }

    /// The segments whose time of grace is over.
    fn unmount_due(&self, now_ms: u64) -> Vec<Op> {
        let due =
            |status| matches!(status, SegmentStatus::Unmounting { at_ms, .. } if at_ms <= now_ms);
        let segments = self.tables.segments().values();
        let due = segments.filter(|segment| due(segment.status));
        due.map(|segment| Op::Unmount {
            id: segment.info.id,
            remember_ms: self.remember_ms(),
        })
        .collect()
    }

    fn expire(&mut self, now_ms: u64) -> Vec<Op> {
        let ttl_ms = millis(self.config.client_ttl);
        let hold_ms = millis(self.config.put_start_release);
        let forgets_all = std::mem::take(&mut self.soft.forgets_clients);
        let remember_ms = self.remember_ms();
        let mut expired = Vec::new();
        for (id, client) in self.tables.clients() {
            let silent_ms = now_ms.saturating_sub(self.soft.heard_ms(client.number, now_ms));
            if forgets_all || silent_ms > ttl_ms {
                expired.push(Op::Expire {
                    client: *id,
                    hold_ms,
                    remember_ms,
                });
            }
        }
        let clients = self.tables.clients().len();
        if self.soft.seen.len() > 2 * clients + 16 {
            let known: std::collections::BTreeSet<_> =
                self.tables.clients().values().map(|c| c.number).collect();
            self.soft.forget_clients(&known);
        }
        expired
    }

    fn top_up(&self) -> Option<Op> {
        let mut ranges = Vec::new();
        let segments = self.tables.segments().iter();
        for (number, segment) in segments.filter(|(_, s)| s.status == SegmentStatus::Mounted) {
            let target = self.window(segment.space.size());
            let range = |(offset, length)| Range {
                segment: *number,
                offset,
                length,
            };
            let missing = segment.space.top_up(target, self.soft.floor);
            ranges.extend(missing.into_iter().map(range));
        }
        (!ranges.is_empty()).then_some(Op::Reserve { ranges })
    }

    fn sweep(&self) -> Vec<Op> {
        let counters = self.tables.counters();
        let rows_a_bucket = self.tables.objects() / Bucket::COUNT + 1;
        let buckets_an_op = (SWEEP_ROWS / rows_a_bucket).clamp(1, Bucket::COUNT);
        let mut next = usize::from(counters.sweep_next);
        let mut left = usize::from(counters.sweep_left);
        let mut ops = Vec::new();
        while left > 0 && ops.len() < SWEEPS {
            let buckets = buckets_an_op.min(left);
            let number = |n: usize| u16::try_from(n).expect("at most 1024");
            ops.push(Op::Sweep {
                first: number(next),
                buckets: number(buckets),
            });
            next = (next + buckets) % Bucket::COUNT;
            left -= buckets;
        }
        ops
    }

    /// Gives up puts, copies and moves that nobody will end: their writer had as long as its memory would be held back.
    fn abandon(&self, now_ms: u64) -> Vec<LoggedOp> {
        let hold_ms = millis(self.config.put_start_release);
        let Some(before_ms) = now_ms.checked_sub(hold_ms) else {
            return Vec::new();
        };
        let revoke = Op::PutRevoke { hold_ms };
        let puts = self.tables.processing_since(before_ms);
        let puts = puts.map(|key| revoked(key, &revoke));
        let transfers = self.tables.transfers_since(before_ms);
        let transfers = transfers.map(|key| revoked(key, &Op::TransferRevoke));
        puts.chain(transfers).take(REVOKES).collect()
    }
}

fn revoked(key: &ObjectKey, revoke: &Op) -> LoggedOp {
    LoggedOp {
        op_type: revoke.op_type(),
        key: key.qualified(),
        payload: revoke.encode(),
    }
}
