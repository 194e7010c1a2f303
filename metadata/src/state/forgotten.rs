use standfast_core::ApplyContext;

use super::global_row::GlobalRow;
use super::tables::Tables;
use crate::names::SegmentId;

/// Incarnations that were mounted and are not any more.
///
/// Somebody may still be reading or writing in their memory: readers by a lease, writers because nobody tells them. The state
/// knows no more where, so each is remembered for as long as that may last, and is not mounted meanwhile as if it were new.
impl Tables {
    /// Remembers an incarnation for `remember_ms`, if that is not 0.
    pub(super) fn remember(
        &mut self,
        context: &ApplyContext<'_>,
        (id, incarnation): (SegmentId, u64),
        remember_ms: u64,
    ) {
        if remember_ms == 0 {
            return;
        }
        self.mounted_again(id, incarnation);
        let until_ms = context.now_ms().saturating_add(remember_ms);
        self.forgotten.insert((id, incarnation), until_ms);
        self.add_global(&GlobalRow::Forgotten(id, incarnation, until_ms));
    }

    /// An incarnation is there again: what was remembered of it is not needed.
    pub(super) fn mounted_again(&mut self, id: SegmentId, incarnation: u64) {
        if let Some(until_ms) = self.forgotten.remove(&(id, incarnation)) {
            self.remove_global(&GlobalRow::Forgotten(id, incarnation, until_ms));
        }
    }

    /// Drops those of which nobody can be using memory any more.
    pub(super) fn drop_forgotten(&mut self, now_ms: u64) {
        let due = self
            .forgotten
            .extract_if(.., |_, until_ms| *until_ms <= now_ms);
        for ((id, incarnation), until_ms) in due.collect::<Vec<_>>() {
            self.remove_global(&GlobalRow::Forgotten(id, incarnation, until_ms));
        }
    }

    /// Until when memory of an incarnation may be in use, if it was forgotten.
    pub(crate) fn forgotten(&self, id: SegmentId, incarnation: u64) -> Option<u64> {
        self.forgotten.get(&(id, incarnation)).copied()
    }
}
