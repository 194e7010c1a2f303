//! Transactions, in few words.

use etcd_client::{
    Compare, CompareOp, DeleteOptions, GetOptions, GetResponse, KeyValue, Txn, TxnOp,
    TxnOpResponse, TxnResponse,
};

use super::layout::KeyRange;

/// Nothing is under `key`.
pub(super) fn is_absent(key: String) -> Compare {
    Compare::create_revision(key, CompareOp::Equal, 0)
}

/// `value` is under `key`; nothing, when there is none.
pub(super) fn is(key: String, value: Option<&[u8]>) -> Compare {
    match value {
        Some(value) => Compare::value(key, CompareOp::Equal, value),
        None => is_absent(key),
    }
}

pub(super) fn put(key: String, value: &[u8]) -> TxnOp {
    TxnOp::put(key, value, None)
}

pub(super) fn get(key: String) -> TxnOp {
    TxnOp::get(key, None)
}

pub(super) fn delete((from, to): KeyRange) -> TxnOp {
    TxnOp::delete(from, Some(DeleteOptions::new().with_range(to)))
}

/// The first `limit` of a range, in the order of their keys.
pub(super) fn get_first((from, to): KeyRange, limit: i64) -> TxnOp {
    TxnOp::get(
        from,
        Some(GetOptions::new().with_range(to).with_limit(limit)),
    )
}

/// The first key of a range, without what is under it.
pub(super) fn get_first_key((from, to): KeyRange) -> TxnOp {
    let options = GetOptions::new().with_range(to).with_limit(1);
    TxnOp::get(from, Some(options.with_keys_only()))
}

/// All of it at one moment.
pub(super) fn look(gets: Vec<TxnOp>) -> Txn {
    Txn::new().and_then(gets)
}

/// What a transaction answered, one operation after the other.
pub(super) struct Answers(std::vec::IntoIter<TxnOpResponse>);

impl Answers {
    pub(super) fn of(response: &TxnResponse) -> Self {
        Self(response.op_responses().into_iter())
    }

    /// What the next get found.
    pub(super) fn found(&mut self) -> Vec<KeyValue> {
        loop {
            match self.0.next() {
                Some(TxnOpResponse::Get(mut found)) => return GetResponse::take_kvs(&mut found),
                Some(_) => {}
                None => return Vec::new(),
            }
        }
    }

    /// The one that the next get found.
    pub(super) fn value(&mut self) -> Option<Vec<u8>> {
        let found = self.found().into_iter().next();
        found.map(|kv| kv.into_key_value().1)
    }
}
