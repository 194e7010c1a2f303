use standfast_core::{ApplyContext, Bucket, Entry, Reply, Result, Section, Seq};

use super::global_row::Counters;
use super::object::Progress;
use super::tables::Tables;
use crate::error::corrupt;
use crate::key::ObjectKey;
use crate::names::{ClientId, SegmentNumber};
use crate::op::{Op, Range};
use crate::request::{Place, RemovedPage};

/// The key an entry is about.
pub(super) struct Subject {
    pub(super) key: ObjectKey,
    pub(super) bucket: Bucket,
}

impl Tables {
    /// Applies one entry: checks everything first, so that an entry that is refused has changed nothing (SM-5).
    pub(crate) fn apply(
        &mut self,
        context: &mut ApplyContext<'_>,
        entry: &Entry<'_>,
    ) -> Result<Reply> {
        let op = Op::decode(entry)?;
        self.marks.applied = context.seq();
        let client = ClientId::from(entry.id.session);
        match op {
            Op::Join => self.apply_join(context, client),
            Op::Mount { segment, reserved } => self.apply_mount(context, client, segment, reserved),
            Op::ReMount(remounting) => self.apply_remount(context, client, remounting),
            Op::Unmount { id, remember_ms } => self.apply_unmount(context, id, remember_ms),
            Op::GracefulUnmount {
                id,
                grace_ms,
                dismissed,
                remember_ms,
            } => self.apply_graceful_unmount(context, (id, remember_ms), grace_ms, dismissed),
            Op::Expire {
                client,
                hold_ms,
                remember_ms,
            } => self.apply_expire(context, client, (hold_ms, remember_ms)),
            Op::PutStart(start) => {
                self.apply_put_start(context, self.subject(entry)?, client, start)
            }
            Op::Upsert(start) => self.apply_upsert(context, self.subject(entry)?, client, start),
            Op::UpsertInPlace { traits } => {
                self.apply_upsert_in_place(context, &self.subject(entry)?, client, traits)
            }
            Op::PutEnd { checksum } => {
                self.apply_put_end(context, &self.subject(entry)?, client, checksum)
            }
            Op::PutRevoke { hold_ms } => {
                self.apply_put_revoke(context, &self.subject(entry)?, hold_ms)
            }
            Op::Remove { hold_ms } => self.apply_remove(context, &self.subject(entry)?, hold_ms),
            Op::TransferStart(transfer) => {
                let subject = self.subject(entry)?;
                self.apply_transfer_start(context, &subject, client, transfer)
            }
            Op::TransferEnd { kind, hold_ms } => {
                let subject = self.subject(entry)?;
                self.apply_transfer_end(context, &subject, client, (kind, hold_ms))
            }
            Op::TransferRevoke => self.apply_transfer_revoke(context, &self.subject(entry)?),
            Op::Reserve { ranges } => self.apply_reserve(context, &ranges),
            Op::Retire { through, hold_ms } => Ok(self.apply_retire(context, through, hold_ms)),
            Op::Release => Ok(self.apply_release(context)),
            Op::Sweep { first, buckets } => self.apply_sweep(context, first, buckets),
            Op::RemoveMany {
                objects,
                leased,
                processing,
                next,
            } => {
                let page = RemovedPage {
                    removed: objects.len() as u64,
                    leased,
                    processing,
                    next,
                };
                self.apply_remove_many(context, &objects, &page)
            }
            Op::Evict { keys } => self.apply_evict(context, &keys),
            Op::QuotaPolicy { tenant, quota } => Ok(self.apply_quota(context, &tenant, quota)),
        }
    }

    fn subject(&self, entry: &Entry<'_>) -> Result<Subject> {
        self.subject_of(&entry.key)
    }

    pub(super) fn subject_of(&self, qualified: &[u8]) -> Result<Subject> {
        if qualified.is_empty() {
            return Err(corrupt("an operation on an object without a key"));
        }
        Ok(Subject {
            key: ObjectKey::of(qualified),
            bucket: self.bucket_of(qualified),
        })
    }

    /// Whether all of `ranges` may be reserved.
    pub(super) fn check_reserve(&self, ranges: &[Range]) -> Result<()> {
        for (number, of_segment) in by_segment(ranges) {
            let may = self
                .segments()
                .get(&number)
                .is_some_and(|segment| segment.space.may_reserve(&of_segment));
            if !may {
                return Err(corrupt(format!(
                    "ranges {of_segment:?} of segment {number} are not free to be reserved"
                )));
            }
        }
        Ok(())
    }

    /// Reserves ranges that were checked.
    pub(super) fn reserve(&mut self, context: &mut ApplyContext<'_>, ranges: &[Range]) {
        for (number, of_segment) in by_segment(ranges) {
            if let Some(segment) = self.segments.get_mut(&number) {
                let change = segment.space.reserve(&of_segment, context.seq());
                self.reservations_changed(number, &change);
                context.touch(Section::GLOBALS);
            }
        }
    }

    fn apply_reserve(&mut self, context: &mut ApplyContext<'_>, ranges: &[Range]) -> Result<Reply> {
        self.check_reserve(ranges)?;
        self.reserve(context, ranges);
        Ok(Reply::default())
    }

    fn apply_retire(
        &mut self,
        context: &mut ApplyContext<'_>,
        through: Seq,
        hold_ms: u64,
    ) -> Reply {
        let until_ms = context.now_ms().saturating_add(hold_ms);
        let numbers: Vec<_> = self.segments.keys().copied().collect();
        for number in numbers {
            let Some(segment) = self.segments.get_mut(&number) else {
                continue;
            };
            let (held, change) = segment.space.retire(through);
            self.reservations_changed(number, &change);
            for range in held {
                let range = Range {
                    segment: number,
                    offset: range.offset,
                    length: range.length,
                };
                self.hold_back(until_ms, range);
            }
        }
        context.touch(Section::GLOBALS);
        Reply::default()
    }

    fn apply_release(&mut self, context: &mut ApplyContext<'_>) -> Reply {
        while let Some(held) = self
            .held
            .first()
            .copied()
            .filter(|held| held.until_ms <= context.now_ms())
        {
            self.let_go(held);
            let range = held.range;
            if let Some(segment) = self.segments.get_mut(&range.segment) {
                segment.space.release(range.offset, range.length);
            }
        }
        self.drop_forgotten(context.now_ms());
        context.touch(Section::GLOBALS);
        Reply::default()
    }

    fn apply_sweep(
        &mut self,
        context: &mut ApplyContext<'_>,
        first: u16,
        buckets: u16,
    ) -> Result<Reply> {
        let counters = self.counters();
        if first != counters.sweep_next || buckets > counters.sweep_left {
            return Err(corrupt(format!(
                "a sweep of {buckets} buckets from {first}, but {} are left from {}",
                counters.sweep_left, counters.sweep_next
            )));
        }
        for index in 0..buckets {
            self.sweep(context, Bucket::at(usize::from(first) + usize::from(index)));
        }
        let next = (usize::from(first) + usize::from(buckets)) % Bucket::COUNT;
        self.set_counters(Counters {
            sweep_next: u16::try_from(next).expect("below 1024"),
            sweep_left: counters.sweep_left - buckets,
            ..counters
        });
        context.touch(Section::GLOBALS);
        Ok(Reply::default())
    }

    fn sweep(&mut self, context: &mut ApplyContext<'_>, bucket: Bucket) {
        let gone = |place: &Place| !self.segments.contains_key(&place.segment);
        let stale: Vec<ObjectKey> = self
            .objects
            .iter(bucket)
            .filter(|(_, object)| object.replicas.iter().any(|place| gone(&place)))
            .map(|(key, _)| key.clone())
            .collect();
        if !stale.is_empty() {
            context.touch(Section::of_bucket(bucket));
        }
        for key in stale {
            let Some(object) = self.object(bucket, &key) else {
                continue;
            };
            let left: Vec<_> = object
                .replicas
                .iter()
                .filter(|place| self.segments.contains_key(&place.segment))
                .collect();
            if left.is_empty() {
                self.remove_object(bucket, &key);
            } else {
                self.change_object(bucket, &key, |object| {
                    object.replicas = object.replicas.with_places(left);
                });
            }
        }
    }

    /// Drops an object; its memory is free at once, or held back for `hold_ms`.
    pub(super) fn drop_object(
        &mut self,
        context: &mut ApplyContext<'_>,
        subject: &Subject,
        hold_ms: u64,
    ) {
        let Some(object) = self.remove_object(subject.bucket, &subject.key) else {
            return;
        };
        context.touch(Section::of_bucket(subject.bucket));
        self.end_transfer(context, &subject.key);
        for place in object.replicas.iter() {
            self.free_place(context, place, object.size, hold_ms);
        }
    }

    /// The object an entry is about, which must be there.
    pub(super) fn existing(
        &self,
        subject: &Subject,
    ) -> Result<(Progress, crate::names::ClientNumber)> {
        self.object(subject.bucket, &subject.key)
            .filter(|object| self.is_there(object))
            .map(|object| (object.progress, object.writer))
            .ok_or_else(|| corrupt(format!("object {:?} is not there", subject.key)))
    }
}

/// The ranges of each segment, segments and ranges in the order given.
fn by_segment(ranges: &[Range]) -> Vec<(SegmentNumber, Vec<(u64, u64)>)> {
    let mut out: Vec<(SegmentNumber, Vec<(u64, u64)>)> = Vec::new();
    for range in ranges {
        let piece = (range.offset, range.length);
        match out.iter_mut().find(|(number, _)| *number == range.segment) {
            Some((_, pieces)) => pieces.push(piece),
            None => out.push((range.segment, vec![piece])),
        }
    }
    out
}
