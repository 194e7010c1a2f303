//! Words for stories about logs.

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;

use standfast_core::{
    Batch, BatchBuilder, BatchEnd, Candidate, ClusterId, Entry, EntryId, Epoch, EpochStart, Error,
    FenceToken, Fingerprint, NodeId, OpLogStore, OpLogTail, OpLogWriter, OpType, Position, Result,
    Seq, Skip, TailEvent, TrimGuard, Versions,
};

/// The cluster of the stories.
pub(crate) fn cluster() -> Fingerprint {
    Fingerprint::draw(&ClusterId::new("stories").unwrap(), [7; 16])
}

/// Another one.
pub(crate) fn stranger() -> Fingerprint {
    Fingerprint::draw(&ClusterId::new("stories").unwrap(), [8; 16])
}

pub(crate) fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

pub(crate) fn candidate(name: &str) -> Candidate {
    Candidate {
        node: node(name),
        endpoint: "127.0.0.1:7400".into(),
        http: "127.0.0.1:7480".into(),
    }
}

/// A token of `epoch`; its nonce is the epoch, so the same call gives the same token.
pub(crate) fn token(epoch: u64) -> FenceToken {
    FenceToken {
        cluster: cluster(),
        epoch: Epoch(epoch),
        holder: node("a"),
        nonce: u128::from(epoch),
        proof: String::new(),
    }
}

fn entry(seq: Seq, op_type: OpType, payload: &[u8]) -> Entry<'_> {
    Entry {
        seq,
        timestamp_ms: 1_000,
        op_type,
        id: EntryId::default(),
        key: Cow::Borrowed(b"default\0key"),
        payload: Cow::Borrowed(payload),
    }
}

/// A batch behind `previous` with one entry for each payload. It calls nothing committed.
pub(crate) fn batch(epoch: Epoch, previous: Position, payloads: &[&[u8]]) -> Batch {
    let mut builder = BatchBuilder::new(previous.seq.next());
    for payload in payloads {
        builder
            .push(&entry(
                builder.next_seq(),
                OpType::FIRST_OF_SERVICE,
                payload,
            ))
            .unwrap();
    }
    seal(builder, epoch, previous)
}

fn seal(builder: BatchBuilder, epoch: Epoch, previous: Position) -> Batch {
    builder
        .seal(&BatchEnd {
            epoch,
            previous,
            committed: Seq::ZERO,
            digest: None,
        })
        .unwrap()
}

/// The batch that begins the term of `epoch`.
pub(crate) fn epoch_start(epoch: Epoch, previous: Position) -> Batch {
    let start = EpochStart {
        epoch,
        previous,
        node: node("a"),
        versions: Versions {
            written: 1,
            lowest_reader: 1,
            digest: 1,
        },
        unclean: false,
    };
    let mut builder = BatchBuilder::new(previous.seq.next());
    builder
        .push(&entry(
            builder.next_seq(),
            OpType::EPOCH_START,
            &start.encode(),
        ))
        .unwrap();
    seal(builder, epoch, previous)
}

/// An entry that is passed over, by the word of `epoch`.
pub(crate) fn skip(epoch: u64) -> Skip {
    Skip {
        seq: Seq(2),
        batch: batch(Epoch(1), Position::genesis(cluster()), &[b"x", b"y"]).end(),
        through: Seq(9),
        epoch: Epoch(epoch),
        node: node("a"),
        reason: "nobody knows it".into(),
    }
}

/// Opens the writer of `epoch` and begins its term.
pub(crate) async fn lead(store: &dyn OpLogStore, epoch: u64) -> Result<Box<dyn OpLogWriter>> {
    let mut writer = store.open_writer(&token(epoch)).await?;
    let start = epoch_start(Epoch(epoch), writer.tail());
    writer.append(&start).await?;
    Ok(writer)
}

/// Appends a batch of one entry.
pub(crate) async fn append(writer: &mut dyn OpLogWriter, payload: &[u8]) -> Result<Batch> {
    let batch = batch(writer.epoch(), writer.tail(), &[payload]);
    writer.append(&batch).await?;
    Ok(batch)
}

/// All committed batches from the beginning.
pub(crate) async fn read_all(store: &dyn OpLogStore) -> Result<Vec<Batch>> {
    read_after(store, Position::genesis(cluster())).await
}

/// All committed batches after `after`.
pub(crate) async fn read_after(store: &dyn OpLogStore, after: Position) -> Result<Vec<Batch>> {
    let mut all = Vec::new();
    let mut position = after;
    loop {
        let batches = store
            .read(position, standfast_core::ReadLimit::default())
            .await?;
        let Some(last) = batches.last() else {
            return Ok(all);
        };
        position = last.end();
        all.extend(batches);
    }
}

/// The payloads of the service's entries.
pub(crate) fn payloads(batches: &[Batch]) -> Vec<Vec<u8>> {
    batches
        .iter()
        .flat_map(|batch| batch.entries().collect::<Result<Vec<_>>>().unwrap())
        .filter(|entry| entry.op_type.is_of_service())
        .map(|entry| entry.payload.into_owned())
        .collect()
}

/// The next event of a tail; fails when it takes longer than ten seconds.
pub(crate) async fn next(tail: &mut dyn OpLogTail) -> Result<TailEvent> {
    tokio::time::timeout(Duration::from_secs(10), tail.next())
        .await
        .expect("an event within ten seconds")
}

/// The next batches of a tail; other events are passed over.
pub(crate) async fn next_batches(tail: &mut dyn OpLogTail) -> Vec<Batch> {
    loop {
        if let TailEvent::Batches(batches) = next(tail).await.unwrap() {
            return batches;
        }
    }
}

/// The error of what had to fail.
pub(crate) fn refusal<T>(result: Result<T>) -> Error {
    match result {
        Ok(_) => panic!("this had to be refused"),
        Err(error) => error,
    }
}

/// A guard that needs entries from `needed` on.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) token: FenceToken,
    pub(crate) needed: Option<Seq>,
}

#[async_trait]
impl TrimGuard for Guard {
    fn token(&self) -> &FenceToken {
        &self.token
    }

    async fn lowest_needed(&self) -> Result<Option<Seq>, Error> {
        Ok(self.needed)
    }
}
