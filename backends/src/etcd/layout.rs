use standfast_core::{Epoch, NodeId, Seq};

/// Which key is what, under `{root}` = `{prefix}/{cluster}`.
///
/// ```text
///   {root}/fingerprint                 whose it is: JSON, written once
///   {root}/oplog/{first_seq:020}       a batch, drawn on `stored::StoredBatch`
///   {root}/oplog/fence                 who was let in last: JSON
///   {root}/oplog-head                  where the log ends, drawn on `head::Head`
///   {root}/oplog-skips/{epoch:020}     an entry that is passed over: JSON, never deleted
///   {root}/leader, or `leader_key`     who leads: JSON, under the leader's lease
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
    /// Where it is not under the root.
    leader: Option<String>,
}

/// Keys from the first to before the second.
pub(super) type KeyRange = (String, String);

impl Layout {
    pub(super) fn new(root: &str) -> Self {
        Self {
            root: root.trim_end_matches('/').to_owned(),
            leader: None,
        }
    }

    /// With the leader under this key. `None` when another one of ours is under it.
    pub(super) fn with_leader(mut self, key: &str) -> Option<Self> {
        if self.is_taken(key) {
            return None;
        }
        // One that is where it would be anyway is no other one.
        self.leader = Some(key.to_owned()).filter(|key| *key != self.at("leader"));
        Some(self)
    }

    fn is_taken(&self, key: &str) -> bool {
        let below = key
            .strip_prefix(&self.root)
            .and_then(|key| key.strip_prefix('/'));
        below.is_some_and(|below| {
            ["fingerprint", "epoch", "term"].contains(&below)
                || ["oplog", "nodes/", "probes/"]
                    .iter()
                    .any(|taken| below.starts_with(taken))
        })
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
        self.leader_of(self.leader.as_deref())
    }

    /// The leader's key, when it is not the usual one.
    pub(super) fn own_leader(&self) -> Option<&str> {
        self.leader.as_deref()
    }

    /// The leader's key of nodes that have this one of their own.
    pub(super) fn leader_of(&self, own: Option<&str>) -> String {
        own.map_or_else(|| self.at("leader"), str::to_owned)
    }

    /// The leader's key alone.
    pub(super) fn leaders(&self) -> KeyRange {
        (self.leader(), format!("{}\0", self.leader()))
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
    fn the_leader_may_be_anywhere_but_under_another_key_of_ours() {
        let layout = || Layout::new("/standfast/kv");
        for free in [
            "mooncake-store/kv/master_view",
            "/standfast/kv/master",
            "/standfast/kv2/epoch",
        ] {
            let layout = layout().with_leader(free).unwrap();
            assert_eq!(layout.leader(), free);
            let (from, to) = layout.leaders();
            assert!(*from == *free && *from < *to && *to <= *format!("{free}\u{1}"));
        }
        let usual = layout().with_leader("/standfast/kv/leader").unwrap();
        assert_eq!(usual.own_leader(), None);
        for taken in [
            "epoch",
            "term",
            "fingerprint",
            "oplog/x",
            "oplog-head",
            "nodes/a",
        ] {
            let key = format!("/standfast/kv/{taken}");
            assert!(layout().with_leader(&key).is_none(), "{taken}");
        }
    }

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
