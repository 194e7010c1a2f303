use standfast_core::{Epoch, NodeId, Seq};

/// Which key is what, under `{root}` = `{prefix}/{cluster}`.
///
/// ```text
///   {root}/fingerprint                 whose it is: JSON, written once
///   {root}/oplog/{first_seq:020}       a batch, drawn on `stored::StoredBatch`
///   {root}/oplog/fence                 who was let in last: JSON
///   {root}/oplog-head                  where the log ends, drawn on `head::Head`
///   {root}/oplog-skips/{epoch:020}     an entry that is passed over: JSON, never deleted
///   {root}/leader                      who leads: JSON, under the leader's lease
///   {root}/epoch                       the highest epochs granted and announced: JSON, never deleted
///   {root}/term                        the newest term record: JSON, never deleted
///   {root}/nodes/{id}                  a node: JSON, under a lease of its own
/// ```
///
/// One watch on `oplog/` hears of batches and of fences, and not of the head, which changes with each batch. Numbers of
/// twenty digits are in the order of their values.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    root: String,
}

/// Keys from the first to before the second.
pub(super) type KeyRange = (String, String);

impl Layout {
    pub(super) fn new(root: &str) -> Self {
        Self {
            root: root.trim_end_matches('/').to_owned(),
        }
    }

    pub(super) fn root(&self) -> &str {
        &self.root
    }

    pub(super) fn fingerprint(&self) -> String {
        self.at("fingerprint")
    }

    pub(super) fn fence(&self) -> String {
        self.at("oplog/fence")
    }

    pub(super) fn head(&self) -> String {
        self.at("oplog-head")
    }

    pub(super) fn skip(&self, epoch: Epoch) -> String {
        self.at(&format!("oplog-skips/{:020}", epoch.0))
    }

    pub(super) fn skips(&self) -> KeyRange {
        (self.at("oplog-skips/0"), self.at("oplog-skips/:"))
    }

    pub(super) fn leader(&self) -> String {
        self.at("leader")
    }

    /// The leader's key alone.
    pub(super) fn leaders(&self) -> KeyRange {
        (self.leader(), self.at("leader\0"))
    }

    pub(super) fn epoch(&self) -> String {
        self.at("epoch")
    }

    pub(super) fn term(&self) -> String {
        self.at("term")
    }

    pub(super) fn node(&self, node: &NodeId) -> String {
        self.at(&format!("nodes/{node}"))
    }

    pub(super) fn nodes(&self) -> KeyRange {
        (self.at("nodes/"), self.at("nodes0"))
    }

    /// A key that nobody reads, for a probe.
    pub(super) fn probe(&self) -> String {
        self.at(&format!("probes/{:032x}", rand::random::<u128>()))
    }

    /// The batch that begins with `first`.
    pub(super) fn batch(&self, first: Seq) -> String {
        self.at(&format!("oplog/{:020}", first.0))
    }

    /// Batches that begin at `first` or later.
    pub(super) fn batches_from(&self, first: Seq) -> KeyRange {
        // ':' follows '9'.
        (self.batch(first), self.at("oplog/:"))
    }

    /// All batches, and the fence.
    pub(super) fn watched(&self) -> KeyRange {
        (self.at("oplog/"), self.at("oplog0"))
    }

    /// Everything.
    pub(super) fn everything(&self) -> KeyRange {
        (self.at(""), format!("{}0", self.root))
    }

    /// The first entry of the batch under `key`; `None` when it is no key of a batch.
    pub(super) fn first_of(&self, key: &[u8]) -> Option<Seq> {
        let digits = key.strip_prefix(self.at("oplog/").as_bytes())?;
        let all = digits.len() == 20 && digits.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(digits).ok().filter(|_| all)?;
        number.parse().ok().map(Seq)
    }

    fn at(&self, key: &str) -> String {
        format!("{}/{key}", self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_their_numbers_and_the_fence_is_watched_with_them() {
        let layout = Layout::new("/standfast/kv/");
        let keys = [9, 10, u64::MAX].map(|seq| layout.batch(Seq(seq)));
        assert!(keys.is_sorted());
        let (from, to) = layout.batches_from(Seq(9));
        assert!(keys.iter().all(|key| from <= *key && *key < to));
        assert!(layout.fence() >= to, "the fence is no batch");
        let (from, to) = layout.watched();
        assert!(from <= layout.fence() && layout.fence() < to && from <= keys[0]);
        assert!(layout.head() < from || layout.head() >= to);
        assert_eq!(layout.first_of(keys[1].as_bytes()), Some(Seq(10)));
        for other in ["/standfast/kv/oplog/10", "/standfast/kv/oplog/fence", "x"] {
            assert_eq!(layout.first_of(other.as_bytes()), None);
        }
    }
}
