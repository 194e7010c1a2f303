use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use etcd_client::{ResponseHeader, Txn, TxnResponse};
use tokio::time::Instant;

use super::claim::Claim;
use super::error::{NAME, error, is_told_by_etcd};
use super::head::Head;
use super::history::History;
use super::oplog::capabilities;
use super::page::{self, Page};
use super::space::Space;
use super::stored::StoredBatch;
use super::transaction::{Answers, get, is, is_absent, look, put};
use standfast_core::{
    Batch, Epoch, Error, ErrorKind, OpLogWriter, Position, ReadLimit, Result, admit,
};

/// How long the same bytes are sent again and again. A term ends long before, and gives the writer up; this is for who
/// drives one without a term.
const DOUBT: Duration = Duration::from_mins(1);

/// Appends with one transaction a batch, which carries three conditions.
///
/// ```text
///   if    the fence is the one that was laid when this was opened         nobody came after us
///         the head names the batch that this one follows                  nothing is missing, nothing was put back
///         nothing is under the batch's key                                never two batches with one Seq
///   then  the batch, and the head that names it
/// ```
///
/// What is in the store is committed. After a lost answer the same transaction is sent again: the head then says whether the
/// first one was done.
#[derive(Debug)]
pub(super) struct EtcdWriter {
    space: Arc<Space>,
    epoch: Epoch,
    /// The fence, as it is stored.
    fence: Vec<u8>,
    /// The head, as it is stored.
    head: Option<Vec<u8>>,
    tail: Position,
    bytes: u64,
    settled: Position,
    history: Option<History>,
    /// While a batch is on its way: dropped there, nobody knows what became of it (OW-5).
    poison: Option<ErrorKind>,
}

/// A batch on its way.
struct Sent {
    key: String,
    value: Vec<u8>,
    head: Vec<u8>,
    bytes: u64,
}

impl EtcdWriter {
    pub(super) fn new(
        space: Arc<Space>,
        epoch: Epoch,
        claim: Claim,
        compact_after: Option<Duration>,
    ) -> Self {
        Self {
            history: compact_after.map(History::new),
            space,
            epoch,
            fence: claim.fence,
            head: claim.head,
            tail: claim.tail,
            bytes: claim.bytes,
            settled: claim.tail,
            poison: None,
        }
    }

    fn refuse_poisoned(&self, operation: &'static str) -> Result<()> {
        match &self.poison {
            None => Ok(()),
            Some(kind) => Err(error(kind.clone(), operation)
                .context("the writer is poisoned: reopen under a higher epoch")),
        }
    }

    fn prepare(&self, batch: &Batch) -> Sent {
        let layout = self.space.layout();
        let value = StoredBatch {
            batch: batch.clone(),
            epoch_before: self.tail.epoch,
            bytes_before: self.bytes,
        }
        .encode();
        let key = layout.batch(batch.first());
        let bytes = self.bytes + (key.len() + value.len()) as u64;
        let head = Head {
            position: batch.end(),
            begun: false,
            bytes,
        }
        .encode();
        Sent {
            key,
            value,
            head,
            bytes,
        }
    }

    /// Made for each try: a large batch is not copied for a second one that seldom comes.
    fn transaction(&self, sent: &Sent) -> Txn {
        let layout = self.space.layout();
        Txn::new()
            .when([
                is(layout.fence(), Some(&self.fence)),
                is(layout.head(), self.head.as_deref()),
                is_absent(sent.key.clone()),
            ])
            .and_then([
                put(sent.key.clone(), &sent.value),
                put(layout.head(), &sent.head),
            ])
            .or_else([get(layout.fence()), get(layout.head())])
    }

    /// Sends it until there is an answer; the revision of that.
    async fn send(&self, sent: &Sent) -> Result<i64> {
        let operation = "append";
        let connection = self.space.connection();
        let begun = Instant::now();
        let mut pauses = connection.pauses();
        let mut doubtful = false;
        loop {
            let tried = connection
                .attempt(operation, pauses.patience(), |mut clients| {
                    let transaction = self.transaction(sent);
                    async move { clients.kv.txn(transaction).await }
                })
                .await;
            match tried {
                Ok(answer) => {
                    if !answer.succeeded() {
                        self.judge(sent, &answer, None)?;
                    }
                    return Ok(answer.header().map_or(0, ResponseHeader::revision));
                }
                Err(trouble) if pauses.goes_on(&trouble) && begun.elapsed() < DOUBT => {
                    doubtful |= may_be_done(&trouble);
                }
                // Refused, but an earlier try may have been done, or be done yet.
                Err(trouble) if doubtful || may_be_done(&trouble) => {
                    return Err(error(ErrorKind::Indeterminate, operation).source(trouble));
                }
                Err(refused) if *refused.kind() == ErrorKind::Quota => {
                    return self.after_full(sent, refused).await;
                }
                Err(refused) => return Err(of_refusal(refused)),
            }
            metrics::counter!("standfast_etcd_append_retries_total").increment(1);
            pauses.wait().await;
        }
    }

    /// A condition did not hold, or a try was `refused` after it: either a try was done, or we may not write any more, or
    /// that one was not done.
    fn judge(&self, sent: &Sent, answer: &TxnResponse, refused: Option<Error>) -> Result<()> {
        let mut answers = Answers::of(answer);
        let (fence, head) = (answers.value(), answers.value());
        if fence.as_ref() != Some(&self.fence) {
            return Err(error(ErrorKind::Fenced, "append").context("another epoch was let in"));
        }
        if head.as_ref() == Some(&sent.head) {
            return Ok(());
        }
        match refused {
            Some(refused) if head == self.head => Err(refused),
            _ => Err(error(ErrorKind::Indeterminate, "append").context(format!(
                "the log does not end at {} any more, and nobody else was let in: was an older state of etcd put back?",
                self.tail
            ))),
        }
    }

    /// etcd says that it is full before it takes a transaction, and also of one that it has done, when that was what made it
    /// full: the head tells which.
    async fn after_full(&self, sent: &Sent, refused: Error) -> Result<i64> {
        let layout = self.space.layout();
        let look = look(vec![get(layout.fence()), get(layout.head())]);
        let looked = self.space.connection().call("append", |mut clients| {
            let look = look.clone();
            async move { clients.kv.txn(look).await }
        });
        match looked.await {
            Ok(answer) => {
                self.judge(sent, &answer, Some(refused))?;
                Ok(answer.header().map_or(0, ResponseHeader::revision))
            }
            Err(trouble) => Err(error(ErrorKind::Indeterminate, "append").source(trouble)),
        }
    }
}

/// Whether a try that ended so may have been done, or be done yet: all but one that etcd itself has refused. One whose
/// connection broke is told by what the next connection meets, which may be a refusal.
fn may_be_done(trouble: &Error) -> bool {
    trouble.retry() || !is_told_by_etcd(trouble)
}

/// An append that was provably not done, as one of the answers that there are (OW-2).
fn of_refusal(refused: Error) -> Error {
    match refused.kind() {
        ErrorKind::Quota | ErrorKind::Unsupported => refused,
        // Somebody changed what we may do, and may change it back.
        ErrorKind::Auth => error(ErrorKind::NotWritten, "append").source(refused),
        _ => error(ErrorKind::Indeterminate, "append").source(refused),
    }
}

/// What ends the writer, and what leaves it alive (OW-2).
fn poison_of(error: &Error) -> Option<ErrorKind> {
    match error.kind() {
        ErrorKind::Quota | ErrorKind::Unsupported | ErrorKind::NotWritten => None,
        ErrorKind::Fenced => Some(ErrorKind::Fenced),
        _ => Some(ErrorKind::Indeterminate),
    }
}

#[async_trait]
impl OpLogWriter for EtcdWriter {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn tail(&self) -> Position {
        self.tail
    }

    async fn settled(&mut self, after: Position, limit: ReadLimit) -> Result<Vec<Batch>> {
        match page::read(&self.space, after, limit).await? {
            Page::Batches(mut batches, _) => {
                batches.retain(|batch| batch.last() <= self.settled.seq);
                Ok(batches)
            }
            Page::End(_) => Ok(Vec::new()),
        }
    }

    async fn append(&mut self, batch: &Batch) -> Result<Position> {
        self.refuse_poisoned("append")?;
        admit(batch, self.epoch, self.tail, &capabilities()).map_err(|e| e.backend(NAME))?;
        let sent = self.prepare(batch);
        self.poison = Some(ErrorKind::Indeterminate);
        let done = self.send(&sent).await;
        self.poison = done.as_ref().err().and_then(poison_of);
        if let Some(history) = &mut self.history {
            history.written(&self.space, done.as_ref().ok().copied());
        }
        done?;
        (self.tail, self.head, self.bytes) = (batch.end(), Some(sent.head), sent.bytes);
        Ok(self.tail)
    }

    async fn mark_committed(&mut self) -> Result<()> {
        // What is in the store is committed.
        self.refuse_poisoned("mark committed")
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
