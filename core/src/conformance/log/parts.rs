use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;

use crate::batch::{Batch, BatchBuilder, BatchEnd, Entry, EntryId, EpochStart, OpType, Versions};
use crate::conformance::failure::{Failure, Outcome, ensure};
use crate::conformance::parts::{cluster, node, token};
use crate::error::{Error, ErrorKind, Result};
use crate::oplog::{OpLogStore, OpLogTail, OpLogWriter, ReadLimit, Skip, TailEvent, TrimGuard};
use crate::words::{Epoch, FenceToken, Position, Seq};

pub(super) use crate::conformance::parts::ensure_refused;

/// How long a tail may take to tell what is there.
const PATIENCE: Duration = Duration::from_secs(20);

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
pub(super) fn batch(epoch: Epoch, previous: Position, payloads: &[&[u8]]) -> Result<Batch> {
    let mut builder = BatchBuilder::new(previous.seq.next());
    for payload in payloads {
        let seq = builder.next_seq();
        builder.push(&entry(seq, OpType::FIRST_OF_SERVICE, payload))?;
    }
    seal(builder, epoch, previous)
}

fn seal(builder: BatchBuilder, epoch: Epoch, previous: Position) -> Result<Batch> {
    builder.seal(&BatchEnd {
        epoch,
        previous,
        committed: Seq::ZERO,
        digest: None,
    })
}

/// The batch that begins the term of `epoch`.
pub(super) fn epoch_start(epoch: Epoch, previous: Position) -> Result<Batch> {
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
    let seq = builder.next_seq();
    builder.push(&entry(seq, OpType::EPOCH_START, &start.encode()))?;
    seal(builder, epoch, previous)
}

/// An entry that is passed over, by the word of `epoch`.
pub(super) fn skip(epoch: u64) -> Result<Skip> {
    let batch = batch(Epoch(1), Position::genesis(cluster()), &[b"x", b"y"])?;
    Ok(Skip {
        seq: Seq(2),
        batch: batch.end(),
        through: Seq(9),
        epoch: Epoch(epoch),
        node: node("a"),
        reason: "nobody knows it".into(),
    })
}

/// Opens the writer of `epoch` and begins its term.
pub(super) async fn lead(store: &dyn OpLogStore, epoch: u64) -> Result<Box<dyn OpLogWriter>> {
    let mut writer = store.open_writer(&token(epoch)).await?;
    let start = epoch_start(Epoch(epoch), writer.tail())?;
    send(&mut *writer, &start).await?;
    Ok(writer)
}

/// How often a batch is sent that was provably not written, every ten milliseconds.
const TRIES: usize = 1000;

/// Appends a batch as a master does: again, as long as it was provably not written (OW-2).
pub(super) async fn send(writer: &mut dyn OpLogWriter, batch: &Batch) -> Result<Position> {
    for _ in 0..TRIES {
        match writer.append(batch).await {
            Err(error) if *error.kind() == ErrorKind::NotWritten => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            answer => return answer,
        }
    }
    writer.append(batch).await
}

/// Appends a batch of one entry.
pub(super) async fn append(writer: &mut dyn OpLogWriter, payload: &[u8]) -> Result<Batch> {
    let batch = batch(writer.epoch(), writer.tail(), &[payload])?;
    send(writer, &batch).await?;
    Ok(batch)
}

/// 8 KiB that no compression makes smaller, others for each `n`.
pub(super) fn noise(n: u8) -> Vec<u8> {
    let mut bytes = vec![0; 8192];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[n]).finalize_xof().fill(&mut bytes);
    bytes
}

/// Appends `count` batches of 8 KiB, enough to fill some segments where there are any, and marks them.
pub(super) async fn fill(writer: &mut dyn OpLogWriter, count: u8) -> Result<()> {
    for n in 0..count {
        append(writer, &noise(n)).await?;
    }
    writer.mark_committed().await
}

/// All committed batches from the beginning.
pub(super) async fn read_all(store: &dyn OpLogStore) -> Result<Vec<Batch>> {
    read_after(store, Position::genesis(cluster())).await
}

/// All committed batches after `after`.
pub(super) async fn read_after(store: &dyn OpLogStore, after: Position) -> Result<Vec<Batch>> {
    let mut all = Vec::new();
    let mut position = after;
    loop {
        let batches = store.read(position, ReadLimit::default()).await?;
        let Some(last) = batches.last() else {
            return Ok(all);
        };
        position = last.end();
        all.extend(batches);
    }
}

/// Whether `batches` follow each other, the first one `after`.
pub(super) fn ensure_contiguous(batches: &[Batch], after: Position) -> Outcome<Position> {
    let mut position = after;
    for batch in batches {
        ensure!(
            batch.follows(position),
            "{} was delivered after {position}, which it does not follow",
            batch.end()
        );
        position = batch.end();
    }
    Ok(position)
}

/// The payloads of the service's entries.
pub(super) fn payloads(batches: &[Batch]) -> Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for batch in batches {
        for entry in batch.entries() {
            let entry = entry?;
            if entry.op_type.is_of_service() {
                found.push(entry.payload.into_owned());
            }
        }
    }
    Ok(found)
}

/// The next event of a tail.
pub(super) async fn next(tail: &mut dyn OpLogTail) -> Outcome<TailEvent> {
    match tokio::time::timeout(PATIENCE, tail.next()).await {
        Ok(event) => Ok(event?),
        Err(_elapsed) => Err(Failure::new(format!(
            "the tail told nothing for {} s",
            PATIENCE.as_secs()
        ))),
    }
}

/// The next batches of a tail; other events are passed over.
pub(super) async fn next_batches(tail: &mut dyn OpLogTail) -> Outcome<Vec<Batch>> {
    loop {
        if let TailEvent::Batches(batches) = next(tail).await? {
            return Ok(batches);
        }
    }
}

/// Says what a restore in progress needs.
#[derive(Debug)]
pub(super) struct Guard {
    token: FenceToken,
    needed: Needed,
}

#[derive(Clone, Copy, Debug)]
enum Needed {
    Nothing,
    From(Seq),
    Unknown,
}

impl Guard {
    /// Of the leader of `epoch`: nothing is needed.
    pub(super) fn of(epoch: u64) -> Self {
        Self {
            token: token(epoch),
            needed: Needed::Nothing,
        }
    }

    /// Entries from `seq` on are needed.
    pub(super) fn needs(self, seq: Seq) -> Self {
        Self {
            needed: Needed::From(seq),
            ..self
        }
    }

    /// What is needed cannot be found out.
    pub(super) fn unsure(self) -> Self {
        Self {
            needed: Needed::Unknown,
            ..self
        }
    }
}

#[async_trait]
impl TrimGuard for Guard {
    fn token(&self) -> &FenceToken {
        &self.token
    }

    async fn lowest_needed(&self) -> Result<Option<Seq>> {
        match self.needed {
            Needed::Nothing => Ok(None),
            Needed::From(seq) => Ok(Some(seq)),
            Needed::Unknown => {
                Err(Error::new(ErrorKind::Unavailable, "list pins")
                    .context("the pins cannot be read"))
            }
        }
    }
}
