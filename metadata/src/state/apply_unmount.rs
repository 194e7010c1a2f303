use standfast_core::{ApplyContext, Bucket, Reply, Result};

use super::global_row::{Counters, GlobalRow};
use super::segment::{Dismissed, SegmentStatus};
use super::tables::Tables;
use crate::error::corrupt;
use crate::names::{SegmentId, SegmentNumber};

impl Tables {
    pub(super) fn apply_unmount(
        &mut self,
        context: &mut ApplyContext<'_>,
        id: SegmentId,
        remember_ms: u64,
    ) -> Result<Reply> {
        let number = self.mounted(id)?;
        self.unmount(context, number, remember_ms);
        self.membership_changed(context);
        Ok(Reply::default())
    }

    pub(super) fn apply_graceful_unmount(
        &mut self,
        context: &mut ApplyContext<'_>,
        (id, remember_ms): (SegmentId, u64),
        grace_ms: u64,
        dismissed: bool,
    ) -> Result<Reply> {
        let number = self.mounted(id)?;
        let dismissed = dismissed || self.is_dismissed(number);
        let at_ms = context.now_ms().saturating_add(grace_ms);
        self.set_status(number, SegmentStatus::Unmounting { at_ms, dismissed });
        if grace_ms == 0 {
            self.unmount(context, number, remember_ms);
        }
        self.membership_changed(context);
        Ok(Reply::default())
    }

    fn mounted(&self, id: SegmentId) -> Result<SegmentNumber> {
        let number = self.by_id.get(&id).copied();
        number.ok_or_else(|| corrupt(format!("segment {id} is unmounted but not mounted")))
    }

    fn is_dismissed(&self, number: SegmentNumber) -> bool {
        let status = self.segments.get(&number).map(|segment| segment.status);
        matches!(
            status,
            Some(SegmentStatus::Unmounting {
                dismissed: true,
                ..
            })
        )
    }

    /// Forgets a segment; remembers that its client is not to mount it again, if an operator wants so.
    fn unmount(&mut self, context: &mut ApplyContext<'_>, number: SegmentNumber, remember_ms: u64) {
        if self.is_dismissed(number)
            && let Some(segment) = self.segments.get(&number)
        {
            let (id, incarnation) = (segment.info.id, segment.info.incarnation);
            let dismissed = Dismissed {
                incarnation,
                owner: segment.owner,
            };
            self.dismissed.insert(id, dismissed);
            self.add_global(&GlobalRow::Dismissed(id, dismissed));
        }
        self.forget_segment(context, number, remember_ms);
    }

    /// Drops a segment that is not replaced by another incarnation, and remembers it for a while.
    pub(super) fn forget_segment(
        &mut self,
        context: &mut ApplyContext<'_>,
        number: SegmentNumber,
        remember_ms: u64,
    ) {
        if let Some(segment) = self.segments.get(&number) {
            let incarnation = (segment.info.id, segment.info.incarnation);
            self.remember(context, incarnation, remember_ms);
        }
        self.drop_segment(context, number);
    }

    /// Forgets that segments were dismissed.
    pub(super) fn undismiss(&mut self, which: impl Fn(&SegmentId, &Dismissed) -> bool) {
        let gone: Vec<_> = self
            .dismissed
            .extract_if(.., |id, d| which(id, d))
            .collect();
        for (id, dismissed) in gone {
            self.remove_global(&GlobalRow::Dismissed(id, dismissed));
        }
    }

    /// Forgets a segment, its reservations, what is held back in it and copied from or to it, and asks for a sweep.
    pub(super) fn drop_segment(&mut self, context: &mut ApplyContext<'_>, number: SegmentNumber) {
        self.end_transfers_at(context, number);
        self.set_status(number, SegmentStatus::Mounted);
        let Some(segment) = self.segments.remove(&number) else {
            return;
        };
        self.by_id.remove(&segment.info.id);
        self.numbers.retain(|other| *other != number);
        self.remove_global(&Self::segment_row(&segment));
        for range in segment.space.reservations() {
            self.remove_global(&GlobalRow::Reservation(number, range));
        }
        let held: Vec<_> = self
            .held
            .iter()
            .filter(|held| held.range.segment == number)
            .copied()
            .collect();
        for held in held {
            self.let_go(held);
        }
        if !self.objects.is_empty() {
            self.set_counters(Counters {
                sweep_left: u16::try_from(Bucket::COUNT).expect("1024"),
                ..self.counters()
            });
        }
    }
}
