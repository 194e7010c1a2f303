use bytes::Bytes;
use standfast_core::{Bucket, Op as LoggedOp};

use super::decide::logged;
use super::machine::MetadataService;
use crate::key::ObjectKey;
use crate::op::Op;
use crate::state::{Object, Progress, SegmentStatus};

/// Rows that one round looks at, about: while it does, nothing else is decided.
const LOOK: usize = 8192;
/// Bytes of keys in one operation.
const KEYS: usize = 64 << 10;
/// After an eviction that could not free enough the next one waits so long.
const PAUSE_MS: u64 = 1000;

/// When objects are evicted next.
#[derive(Debug, Default)]
pub(super) struct Eviction {
    /// A put found no room.
    wanted: bool,
    not_before_ms: u64,
    pass: Option<Pass>,
}

/// A walk through all buckets.
///
/// From the buckets that are looked at together it takes as large a part of the goal as they are of the buckets left: those
/// whose leases are over for longest. Keys are spread over the buckets by their hash, so that the oldest of some buckets are
/// about as old as the oldest of all. An index of all objects by lease would be exact; it would cost each of millions of
/// them some 30 bytes, and each read a change of it.
#[derive(Clone, Copy, Debug)]
struct Pass {
    next: usize,
    left: usize,
    /// Bytes still to be freed.
    goal: u64,
    /// The first pass takes what has no soft pin, the second what has one.
    soft_pinned: bool,
}

/// What is taken from some buckets.
struct Taken {
    buckets: usize,
    looked: usize,
    bytes: u64,
    keys: Vec<Bytes>,
}

impl Eviction {
    /// Every object counts as leased until `not_before_ms`.
    pub(super) fn term_begins(&mut self, not_before_ms: u64) {
        *self = Self {
            not_before_ms,
            ..Self::default()
        };
    }

    pub(super) const fn want(&mut self) {
        self.wanted = true;
    }
}

impl Pass {
    const fn new(goal: u64, soft_pinned: bool) -> Self {
        Self {
            next: 0,
            left: Bucket::COUNT,
            goal,
            soft_pinned,
        }
    }

    const fn after(self, taken: &Taken) -> Self {
        Self {
            next: self.next + taken.buckets,
            left: self.left - taken.buckets,
            goal: self.goal.saturating_sub(taken.bytes),
            ..self
        }
    }

    /// The part of the goal for so many of the buckets left.
    fn goal_of(&self, buckets: usize) -> u64 {
        let part = u128::from(self.goal) * buckets as u128;
        let part = part.div_ceil(self.left.max(1) as u128);
        u64::try_from(part).unwrap_or(u64::MAX)
    }
}

impl MetadataService {
    /// Evicts what is due in this round, as operations to log.
    pub(super) fn evict(&mut self, now_ms: u64) -> Vec<LoggedOp> {
        let mut ops = Vec::new();
        let mut looked = 0;
        let mut pass = self.soft.eviction.pass.take();
        pass = pass.or_else(|| self.eviction_due(now_ms));
        while let Some(under_way) = pass
            && looked < LOOK
        {
            let taken = self.take(&under_way, LOOK - looked, now_ms);
            looked += taken.looked;
            count(&taken);
            ops.extend(operations(&taken.keys));
            pass = self.go_on(under_way.after(&taken), now_ms);
        }
        self.soft.eviction.pass = pass;
        ops
    }

    /// The first pass of an eviction, if one is due: above the high watermark, or because a put found no room.
    ///
    /// Memory that is held back is nobody's: no eviction frees it sooner. It counts neither as used nor in what an
    /// eviction is to free.
    fn eviction_due(&self, now_ms: u64) -> Option<Pass> {
        if now_ms < self.soft.eviction.not_before_ms {
            return None;
        }
        let segments = self.tables.segments().values();
        let sums = segments.fold((0_u64, 0_u64, 0_u64), |(used, held, mounted), segment| {
            let space = &segment.space;
            (
                used.saturating_add(space.used()),
                held.saturating_add(space.held()),
                mounted.saturating_add(space.size()),
            )
        });
        let (used, held, mounted) = sums;
        let allocated = used - held;
        let high = self.config.high_watermark.of(mounted);
        let share = self.config.eviction_ratio.of(mounted - held).max(1);
        if allocated > high {
            return Some(Pass::new(allocated - high + share, false));
        }
        self.soft.eviction.wanted.then(|| Pass::new(share, false))
    }

    /// What follows when a pass has come so far.
    fn go_on(&mut self, pass: Pass, now_ms: u64) -> Option<Pass> {
        if pass.goal > 0 && pass.left > 0 {
            return Some(pass);
        }
        if pass.goal > 0 && !pass.soft_pinned {
            return Some(Pass::new(pass.goal, true));
        }
        self.soft.eviction.wanted = false;
        if pass.goal > 0 {
            self.soft.eviction.not_before_ms = now_ms.saturating_add(PAUSE_MS);
        }
        None
    }

    /// Takes the part of the goal of the next buckets, of about `look` rows.
    fn take(&self, pass: &Pass, look: usize, now_ms: u64) -> Taken {
        let (mut buckets, mut looked) = (0, 0);
        let mut found = Vec::new();
        while buckets < pass.left && looked < look {
            let bucket = Bucket::at(pass.next + buckets);
            for (key, object) in self.tables.bucket(bucket) {
                looked += 1;
                if self.evictable(key, object, pass.soft_pinned, now_ms) {
                    found.push((object.lease.over_for(now_ms), self.bytes_of(object), key));
                }
            }
            buckets += 1;
        }
        found.sort_unstable_by(|(a, _, _), (b, _, _)| b.cmp(a));
        let goal = pass.goal_of(buckets);
        let (mut bytes, mut keys) = (0, Vec::new());
        for (_, size, key) in found {
            if bytes >= goal {
                break;
            }
            bytes += size;
            keys.push(key.qualified().into());
        }
        Taken {
            buckets,
            looked,
            bytes,
            keys,
        }
    }

    fn evictable(&self, key: &ObjectKey, object: &Object, soft_pinned: bool, now_ms: u64) -> bool {
        let complete = matches!(object.progress, Progress::Complete(_));
        complete
            && !object.replicas.traits().hard_pin
            && object.soft_pinned(self.soft.term_began_ms, now_ms) == soft_pinned
            && self.lease_left(key, object, now_ms) == 0
            && self.tables.is_there(object)
    }

    /// Bytes that its removal frees.
    fn bytes_of(&self, object: &Object) -> u64 {
        let segments = self.tables.segments();
        let mounted = object.replicas.iter();
        let mounted = mounted.filter(|place| segments.contains_key(&place.segment));
        object.size.saturating_mul(mounted.count() as u64)
    }

    /// A put of `replicas` of `size` found no room: asks for an eviction, unless it would find none in empty segments.
    pub(super) fn want_room(&mut self, size: u64, replicas: usize) {
        let segments = self.tables.segments().values();
        let large_enough = segments.filter(|segment| {
            segment.status == SegmentStatus::Mounted && segment.space.size() >= size
        });
        if large_enough.count() >= replicas {
            self.soft.eviction.want();
        }
    }
}

/// The operations that remove `keys`, each of a size that goes into an entry.
fn operations(keys: &[Bytes]) -> Vec<LoggedOp> {
    let mut bytes = 0;
    let mut ops = Vec::new();
    let mut first = 0;
    for (at, key) in keys.iter().enumerate() {
        if at > first && bytes + key.len() > KEYS {
            ops.extend(operation(keys.get(first..at)));
            (first, bytes) = (at, 0);
        }
        bytes += key.len();
    }
    ops.extend(operation(keys.get(first..)));
    ops
}

fn operation(keys: Option<&[Bytes]>) -> Option<LoggedOp> {
    let keys = keys.filter(|keys| !keys.is_empty())?.to_vec();
    Some(logged(None, &Op::Evict { keys }))
}

fn count(taken: &Taken) {
    if !taken.keys.is_empty() {
        metrics::counter!("standfast_metadata_evicted_objects_total")
            .increment(taken.keys.len() as u64);
        metrics::counter!("standfast_metadata_evicted_bytes_total").increment(taken.bytes);
    }
}
