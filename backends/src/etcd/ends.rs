use etcd_client::{
    GetOptions, KeyValue, ResponseHeader, SortOrder, SortTarget, TxnOp, TxnResponse,
};

use super::error::{corrupt, not_initialised};
use super::found::{Found, record};
use super::head::Head;
use super::layout::Layout;
use super::records::{ClusterRecord, FenceRecord};
use super::stored::StoredBatch;
use super::transaction::{Answers, get, get_first, get_first_key, look};
use standfast_core::{Epoch, Fingerprint, Position, Result, Seq};

/// The ends of the log at one moment.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    /// When that was.
    pub(super) revision: i64,
    pub(super) cluster: Fingerprint,
    /// Who was let in last, as it is stored.
    pub(super) fence: Option<Found<FenceRecord>>,
    /// Where the log ends, as it is stored.
    pub(super) head: Option<Found<Head>>,
    /// The first entry of the first batch.
    pub(super) first: Option<Seq>,
    /// When that batch was written: another may be in its place later.
    pub(super) first_at: i64,
}

/// What is to the left and to the right of a Position, at the same moment as the ends.
#[derive(Debug)]
pub(super) struct Around {
    pub(super) ends: Ends,
    /// The last batch that begins at or before the Position.
    pub(super) before: Option<StoredBatch>,
    /// The first batch that begins behind it.
    pub(super) after: Option<StoredBatch>,
}

/// What is asked for.
fn gets(layout: &Layout) -> Vec<TxnOp> {
    vec![
        get(layout.fingerprint()),
        get(layout.fence()),
        get(layout.head()),
        get_first_key(layout.batches_from(Seq::ZERO)),
    ]
}

impl Ends {
    pub(super) fn question(layout: &Layout) -> etcd_client::Txn {
        look(gets(layout))
    }

    /// # Errors
    /// `NotFound` when nothing is here; `Corrupt`, `Version` when it is not what was written.
    pub(super) fn read(
        layout: &Layout,
        operation: &'static str,
        response: &TxnResponse,
    ) -> Result<Self> {
        let revision = response.header().map_or(0, ResponseHeader::revision);
        Self::parse(layout, operation, revision, &mut Answers::of(response))
    }

    fn parse(
        layout: &Layout,
        operation: &'static str,
        revision: i64,
        answers: &mut Answers,
    ) -> Result<Self> {
        let cluster = record::<ClusterRecord>(&layout.fingerprint(), answers.value())?
            .ok_or_else(|| not_initialised(operation, layout.root()))?;
        let fence = record(&layout.fence(), answers.value())?;
        let head = answers
            .value()
            .map(|bytes| {
                let is = Head::decode(&bytes).map_err(|e| e.context(layout.head()))?;
                Ok::<_, standfast_core::Error>(Found { is, bytes })
            })
            .transpose()?;
        let found = answers.found();
        let first = found.first().map(|kv| first_of(layout, kv.key()));
        let first = first.transpose()?;
        let ends = Self {
            revision,
            cluster: cluster.is.fingerprint,
            fence,
            head,
            first,
            first_at: found.first().map_or(0, KeyValue::mod_revision),
        };
        ends.check(layout, operation)?;
        Ok(ends)
    }

    /// Batches and head are written, and removed, together.
    fn check(&self, layout: &Layout, operation: &'static str) -> Result<()> {
        let wrong = |what: String| Err(corrupt(operation, &layout.head(), &what));
        match (&self.head, self.first) {
            (None, Some(first)) => wrong(format!("it is gone, and batch {first} is there")),
            (Some(head), None) if !head.is.begun => wrong(format!(
                "it names {}, and no batch is there",
                head.is.position
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn tail(&self) -> Position {
        self.head
            .as_ref()
            .map_or_else(|| Position::genesis(self.cluster), |head| head.is.position)
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.fence
            .as_ref()
            .map_or(Epoch::ZERO, |fence| fence.is.epoch)
    }

    /// What all batches took that were ever appended.
    pub(super) fn bytes(&self) -> u64 {
        self.head.as_ref().map_or(0, |head| head.is.bytes)
    }

    /// The first entry that is there, or would be.
    pub(super) fn floor(&self) -> Seq {
        self.first.unwrap_or_else(|| self.tail().seq.next())
    }
}

impl Around {
    pub(super) fn question(layout: &Layout, position: Position) -> etcd_client::Txn {
        let next = position.seq.next();
        let (from, to) = layout.batches_from(Seq::ZERO);
        let last_before = GetOptions::new()
            .with_range(layout.batch(next).min(to))
            .with_sort(SortTarget::Key, SortOrder::Descend)
            .with_limit(1);
        let mut gets = gets(layout);
        gets.push(TxnOp::get(from, Some(last_before)));
        gets.push(get_first(layout.batches_from(next), 1));
        look(gets)
    }

    /// # Errors
    /// As [`Ends::read`].
    pub(super) fn read(
        layout: &Layout,
        operation: &'static str,
        response: &TxnResponse,
    ) -> Result<Self> {
        let revision = response.header().map_or(0, ResponseHeader::revision);
        let mut answers = Answers::of(response);
        let ends = Ends::parse(layout, operation, revision, &mut answers)?;
        let mut batch = || {
            let found = answers.found();
            let parsed = found.first().map(|kv| parse(layout, kv.key(), kv.value()));
            parsed.transpose()
        };
        Ok(Self {
            ends,
            before: batch()?,
            after: batch()?,
        })
    }
}

/// A batch, read from under `key`.
///
/// # Errors
/// `Corrupt`, `Version`.
pub(super) fn parse(layout: &Layout, key: &[u8], value: &[u8]) -> Result<StoredBatch> {
    let first = first_of(layout, key)?;
    let name = || layout.batch(first);
    let stored = StoredBatch::decode(value).map_err(|error| error.context(name()))?;
    if stored.batch.first() != first {
        let what = format!("a batch that begins with {}", stored.batch.first());
        return Err(corrupt("read", &name(), &what));
    }
    Ok(stored)
}

/// The first entry of the batch under `key`, which lies between those of batches.
///
/// # Errors
/// `Corrupt` when it is no key of a batch.
pub(super) fn first_of(layout: &Layout, key: &[u8]) -> Result<Seq> {
    layout.first_of(key).ok_or_else(|| {
        let key = String::from_utf8_lossy(key);
        corrupt(
            "read",
            &key,
            "this is no key of a batch: whoever put it there must take it away",
        )
    })
}
