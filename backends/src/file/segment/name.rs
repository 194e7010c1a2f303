use std::fmt;

use crate::file::numbered;
use standfast_core::{Epoch, Seq};

/// The name of a segment: `{first_seq:020}-{epoch:020}.wal`. Only the epoch in it ever writes the file.
///
/// The order is by epoch first: the newest segment of a term is the last of its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::file) struct SegmentName {
    pub(in crate::file) epoch: Epoch,
    pub(in crate::file) first: Seq,
}

impl SegmentName {
    /// Reads a file name; `None` for files that are no segments.
    pub(in crate::file) fn parse(name: &str) -> Option<Self> {
        let (first, epoch) = name.strip_suffix(".wal")?.split_once('-')?;
        Some(Self {
            epoch: Epoch(numbered::parse(epoch.as_bytes())?),
            first: Seq(numbered::parse(first.as_bytes())?),
        })
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}-{:020}.wal", self.first.0, self.epoch.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_name_is_read_back_and_nothing_else_is_taken_for_one() {
        let name = SegmentName {
            epoch: Epoch(7),
            first: Seq(123),
        };
        assert_eq!(
            name.to_string(),
            "00000000000000000123-00000000000000000007.wal"
        );
        assert_eq!(SegmentName::parse(&name.to_string()), Some(name));
        for other in ["1-2.wal", "00000000000000000123-00000000000000000007", "x"] {
            assert_eq!(SegmentName::parse(other), None);
        }
    }
}
