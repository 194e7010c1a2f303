use standfast_core::write_varint;

use crate::op::Reader;

/// What few objects have: a group, or pins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// Name of the group, within the tenant; empty when it has none.
    pub group: String,
    /// It is never evicted.
    pub hard_pin: bool,
    /// It is evicted only when nothing else is left, until it was not read for so long; 0 when it has no such pin.
    pub soft_pin_ms: u64,
}

impl Traits {
    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.group.is_empty() && !self.hard_pin && self.soft_pin_ms == 0
    }

    /// Appends them as log and rows keep them.
    ///
    /// ```text
    ///   group (v + bytes) · hard pin 1 (0 or 1) · soft pin ms v        v = LEB128
    /// ```
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        write_varint(out, self.group.len() as u64);
        out.extend_from_slice(self.group.as_bytes());
        out.push(u8::from(self.hard_pin));
        write_varint(out, self.soft_pin_ms);
    }

    /// Reads what [`Self::write`] wrote; `None` for anything else.
    pub(crate) fn read(input: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            group: input.text()?,
            hard_pin: match input.byte()? {
                0 => false,
                1 => true,
                _ => return None,
            },
            soft_pin_ms: input.varint()?,
        })
    }

    /// The same where there must be some.
    pub(crate) fn read_some(input: &mut Reader<'_>) -> Option<Self> {
        Self::read(input).filter(|traits| !traits.is_empty())
    }
}
