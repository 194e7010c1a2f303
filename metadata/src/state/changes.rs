use std::collections::BTreeSet;

use standfast_core::{Bucket, write_varint};

use super::object_row;
use super::tables::Tables;
use crate::key::ObjectKey;
use crate::op::Reader;

/// The objects of a bucket that changed, as they are kept in an incremental snapshot.
///
/// ```text
///   gone v, each a key: form 1 and bytes as in a row · then rows to the end          v = LEB128
/// ```
impl Tables {
    /// How many objects changed or went since the base of captures.
    pub(crate) fn changed(&self) -> Option<u64> {
        self.objects.changed().map(|keys| keys as u64)
    }

    /// Makes the last capture the base.
    pub(crate) fn rebase(&mut self) {
        self.objects.rebase();
    }

    /// Appends what changed in a bucket; returns how many objects. Nothing is appended when none did.
    pub(crate) fn write_changes(&mut self, bucket: Bucket, out: &mut Vec<u8>) -> u64 {
        let (mut gone, mut rows) = (Vec::new(), Vec::new());
        let (mut changed, mut went) = (0, 0);
        self.objects.read_changes(bucket, |key, object| {
            changed += 1;
            if let Some(object) = object {
                object_row::write(key, object, &mut rows);
            } else {
                went += 1;
                object_row::write_key(key, &mut gone);
            }
        });
        if changed > 0 {
            write_varint(out, went);
            out.extend_from_slice(&gone);
            out.extend_from_slice(&rows);
        }
        changed
    }
}

/// The keys at the beginning of what [`Tables::write_changes`] wrote.
pub(super) fn read_gone(input: &mut Reader<'_>) -> Option<BTreeSet<ObjectKey>> {
    let count = input.count(2)?;
    (0..count).map(|_| object_row::read_key(input)).collect()
}
