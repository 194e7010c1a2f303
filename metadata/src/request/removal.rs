use standfast_core::{Reply, write_varint};

use crate::key::Target;
use crate::op::Reader;
use crate::request::Cursor;

/// A page of objects to remove, which a listing found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveMany {
    /// Which; none twice. Those that are gone by now are passed over.
    pub targets: Vec<Target>,
    /// Even if leased or being written.
    pub force: bool,
    /// Where the listing goes on.
    pub next: Option<Cursor>,
}

/// What became of a page of objects to remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemovedPage {
    /// How many were removed.
    pub removed: u64,
    /// Skipped because readers count on them.
    pub leased: u64,
    /// Skipped because they are being written.
    pub processing: u64,
    /// Where the next page begins; `None` when this was the last one.
    pub next: Option<Cursor>,
}

impl RemovedPage {
    /// The page as a reply, which its session remembers.
    ///
    /// ```text
    ///   removed v · leased v · processing v · next page's cursor, or nothing        v = LEB128
    /// ```
    pub(crate) fn to_reply(&self) -> Reply {
        let mut out = Vec::with_capacity(16);
        for count in [self.removed, self.leased, self.processing] {
            write_varint(&mut out, count);
        }
        out.extend_from_slice(&Cursor::next_to_bytes(self.next.as_ref()));
        Reply(out)
    }

    /// What a reply tells; `None` for another reply.
    pub fn of_reply(reply: &Reply) -> Option<Self> {
        let mut input = Reader(&reply.0);
        Some(Self {
            removed: input.varint()?,
            leased: input.varint()?,
            processing: input.varint()?,
            next: Cursor::next_from_bytes(input.0)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use standfast_core::Bucket;

    use super::*;

    #[test]
    fn a_page_is_read_back_from_its_reply() {
        let last = RemovedPage {
            removed: 8000,
            leased: 1,
            processing: 300,
            next: None,
        };
        let more = RemovedPage {
            next: Some(Cursor::after(Bucket::at(7), b"default\0k".to_vec())),
            ..last
        };
        for page in [last, more] {
            assert_eq!(RemovedPage::of_reply(&page.to_reply()), Some(page));
        }
        assert_eq!(RemovedPage::of_reply(&Reply::default()), None);
    }
}
