use standfast_core::write_varint;

use crate::op::Reader;

const BYTES: u8 = 1;
const OBJECTS: u8 = 2;

/// What a tenant may hold at most; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Of all replicas of all its objects and of those that copies and moves are making, inclusive.
    pub bytes: Option<u64>,
    /// Inclusive.
    pub objects: Option<u64>,
}

impl Quota {
    /// Whether it limits nothing.
    pub(crate) const fn is_none(&self) -> bool {
        self.bytes.is_none() && self.objects.is_none()
    }

    /// Appends it as log and rows keep it.
    ///
    /// ```text
    ///   limits 1 (1 = bytes, 2 = objects, 3 = both) · bytes v · objects v, those that there are       v = LEB128
    /// ```
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let bytes = self.bytes.map_or(0, |_| BYTES);
        out.push(bytes | self.objects.map_or(0, |_| OBJECTS));
        for limit in [self.bytes, self.objects].into_iter().flatten() {
            write_varint(out, limit);
        }
    }

    /// Reads what [`Self::write`] wrote; `None` for anything else.
    pub(crate) fn read(input: &mut Reader<'_>) -> Option<Self> {
        let limits = input.byte()?;
        if limits > BYTES | OBJECTS {
            return None;
        }
        let mut quota = Self::default();
        if limits & BYTES > 0 {
            quota.bytes = Some(input.varint()?);
        }
        if limits & OBJECTS > 0 {
            quota.objects = Some(input.varint()?);
        }
        Some(quota)
    }
}

/// Tenants by name, and the name behind which the next page begins; `None` when this was the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantPage {
    /// As many as asked for, or all that are left.
    pub tenants: Vec<TenantRow>,
    /// Where the next page begins.
    pub next: Option<Vec<u8>>,
}

/// What a tenant holds, and may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantRow {
    /// Its name.
    pub name: Vec<u8>,
    /// Of all replicas of its objects, those being written too, and those that copies and moves are making.
    pub used_bytes: u64,
    /// Those being written too.
    pub used_objects: u64,
    /// What it may hold.
    pub quota: Quota,
}
