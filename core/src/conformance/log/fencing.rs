use async_trait::async_trait;
use parking_lot::Mutex;

use super::held_trims::ForgetsTheFenceWithTheRest;
use super::parts::{
    Guard, append, ensure_refused, epoch_start, fill, lead, next_batches, payloads, read_after,
    read_all, send,
};
use super::trial::LogTrial;
use super::twist::LogTwist;
use super::{Log, locked, outliving};
use crate::batch::Batch;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Failure, Outcome, ensure_eq};
use crate::conformance::parts::token;
use crate::error::{ErrorKind, Result};
use crate::oplog::{OpLogStore, OpLogWriter, ReadLimit};
use crate::words::{Epoch, FenceToken, Position, Seq};

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![
        case!(
            h01_a_zombie_is_fenced_and_stays_so,
            ["OL-2", "OW-3", "h01"],
            needs [outliving],
            twin ForgetsTheFence
        ),
        case!(
            h02_a_zombie_is_fenced_after_everything_was_trimmed,
            ["OL-2", "OL-4", "h02"],
            needs [outliving],
            twin ForgetsTheFenceWithTheRest::default()
        ),
        case!(
            while_a_writer_holds_the_log_another_is_unavailable,
            ["OL-2", "h01"],
            needs [locked],
            twin LetsTwoIn
        ),
        case!(
            h19_an_epoch_that_is_not_higher_is_fenced,
            ["OL-4", "h19"],
            needs [],
            twin TakesAnyEpoch
        ),
        case!(
            what_nobody_marked_is_settled_by_the_next_writer,
            ["OL-3"],
            needs [],
            twin SettlesNothing
        ),
        case!(
            h13_what_a_fenced_writer_wrote_is_never_read,
            ["OL-2", "OL-6", "h06", "h13"],
            needs [outliving],
            twin ReadsTheDead::default()
        ),
    ]
}

/// Acknowledges what a fenced writer appends.
pub(super) struct ForgetsTheFence;

#[async_trait]
impl LogTwist for ForgetsTheFence {
    async fn append(&self, writer: &mut dyn OpLogWriter, batch: &Batch) -> Result<Position> {
        match writer.append(batch).await {
            Err(error) if *error.kind() == ErrorKind::Fenced => Ok(batch.end()),
            answer => answer,
        }
    }
}

async fn h01_a_zombie_is_fenced_and_stays_so(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let mut zombie = lead(&*log.open().await?, 1).await?;
    let acknowledged = append(&mut *zombie, b"acknowledged").await?;
    let mut writer = lead(&*log.open().await?, 2).await?;
    for _ in 0..2 {
        let late = append(&mut *zombie, b"late").await;
        ensure_refused(late, &ErrorKind::Fenced, "a zombie's append")?;
    }
    let mark = zombie.mark_committed().await;
    ensure_refused(mark, &ErrorKind::Fenced, "a zombie's mark")?;
    append(&mut *writer, b"new").await?;
    writer.mark_committed().await?;
    let read = read_all(&*log.open().await?).await?;
    let wanted = [b"acknowledged".to_vec(), b"new".to_vec()];
    ensure_eq!(payloads(&read)?, wanted, "what is in the log");
    ensure_eq!(read.get(1), Some(&acknowledged), "what was acknowledged");
    Ok(())
}

async fn h02_a_zombie_is_fenced_after_everything_was_trimmed(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let mut zombie = lead(&*log.open().await?, 1).await?;
    fill(&mut *zombie, 20).await?;
    let store = log.open().await?;
    let mut writer = lead(&*store, 2).await?;
    fill(&mut *writer, 40).await?;
    store.trim(Seq(u64::MAX), &Guard::of(2)).await?;
    drop(writer);
    let late = append(&mut *zombie, b"late").await;
    ensure_refused(late, &ErrorKind::Fenced, "a zombie's append")?;
    let reopened = log.open().await?.open_writer(&token(1)).await;
    ensure_refused(
        reopened,
        &ErrorKind::Fenced,
        "the zombie's epoch, once more",
    )?;
    let bounds = store.bounds().await?;
    let left = read_after(&*store, bounds.before_floor).await?;
    let found = payloads(&left)?.contains(&b"late".to_vec());
    ensure_eq!(found, false, "whether the late entry is in the log");
    Ok(())
}

/// Lets a second writer in, which writes nowhere.
pub(super) struct LetsTwoIn;

#[async_trait]
impl LogTwist for LetsTwoIn {
    async fn open_writer(
        &self,
        store: &dyn OpLogStore,
        token: &FenceToken,
    ) -> Result<Box<dyn OpLogWriter>> {
        match store.open_writer(token).await {
            Err(error) if *error.kind() == ErrorKind::Unavailable => pretend(store, token).await,
            answer => answer,
        }
    }
}

async fn while_a_writer_holds_the_log_another_is_unavailable(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let mut writer = lead(&*log.open().await?, 1).await?;
    append(&mut *writer, b"first").await?;
    let second = log.open().await?.open_writer(&token(2)).await;
    ensure_refused(second, &ErrorKind::Unavailable, "a second writer")?;
    append(&mut *writer, b"second").await?;
    drop(writer);
    let mut next = lead(&*log.open().await?, 2).await?;
    next.mark_committed().await?;
    let read = payloads(&read_all(&*log.open().await?).await?)?;
    let wanted = [b"first".to_vec(), b"second".to_vec()];
    ensure_eq!(read, wanted, "what is in the log");
    Ok(())
}

/// Lets every epoch in.
struct TakesAnyEpoch;

#[async_trait]
impl LogTwist for TakesAnyEpoch {
    async fn open_writer(
        &self,
        store: &dyn OpLogStore,
        token: &FenceToken,
    ) -> Result<Box<dyn OpLogWriter>> {
        match store.open_writer(token).await {
            Err(error) if *error.kind() == ErrorKind::Fenced => pretend(store, token).await,
            answer => answer,
        }
    }
}

async fn h19_an_epoch_that_is_not_higher_is_fenced(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    drop(store.open_writer(&token(5)).await?);
    // Our own lost answer.
    drop(store.open_writer(&token(5)).await?);
    let mut other = token(5);
    other.nonce = 99;
    for refused in [other, token(4)] {
        let what = format!("epoch {} with nonce {}", refused.epoch, refused.nonce);
        let writer = log.open().await?.open_writer(&refused).await;
        ensure_refused(writer, &ErrorKind::Fenced, &what)?;
    }
    drop(lead(&*store, 5).await?);
    let again = store.open_writer(&token(5)).await;
    ensure_refused(
        again,
        &ErrorKind::Fenced,
        "an epoch that has appended already",
    )?;
    ensure_eq!(store.bounds().await?.epoch.0, 5, "the highest epoch");
    Ok(())
}

/// A writer of `token`, without asking: it only says yes.
async fn pretend(store: &dyn OpLogStore, token: &FenceToken) -> Result<Box<dyn OpLogWriter>> {
    let tail = store.bounds().await?.tail;
    Ok(Box::new(Pretender {
        epoch: token.epoch,
        tail,
    }))
}

struct Pretender {
    epoch: Epoch,
    tail: Position,
}

#[async_trait]
impl OpLogWriter for Pretender {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn tail(&self) -> Position {
        self.tail
    }

    async fn settled(&mut self, _after: Position, _limit: ReadLimit) -> Result<Vec<Batch>> {
        Ok(Vec::new())
    }

    async fn append(&mut self, batch: &Batch) -> Result<Position> {
        self.tail = batch.end();
        Ok(self.tail)
    }

    async fn mark_committed(&mut self) -> Result<()> {
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// Has nothing of the terms before.
pub(super) struct SettlesNothing;

#[async_trait]
impl LogTwist for SettlesNothing {
    async fn settled(
        &self,
        _writer: &mut dyn OpLogWriter,
        _after: Position,
        _limit: ReadLimit,
    ) -> Result<Vec<Batch>> {
        Ok(Vec::new())
    }
}

async fn what_nobody_marked_is_settled_by_the_next_writer(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let mut dead = lead(&*log.open().await?, 1).await?;
    let before = dead.tail();
    let last = append(&mut *dead, b"unmarked").await?;
    drop(dead);
    let mut writer = log.open().await?.open_writer(&token(2)).await?;
    ensure_eq!(writer.tail(), last.end(), "the settled tail");
    let settled = writer.settled(before, ReadLimit::default()).await?;
    ensure_eq!(settled, [last], "what was settled");
    Ok(())
}

/// Lets readers see what fenced writers tried to append.
#[derive(Default)]
struct ReadsTheDead(Mutex<Vec<Batch>>);

#[async_trait]
impl LogTwist for ReadsTheDead {
    async fn append(&self, writer: &mut dyn OpLogWriter, batch: &Batch) -> Result<Position> {
        let answer = writer.append(batch).await;
        if answer.is_err() {
            self.0.lock().push(batch.clone());
        }
        answer
    }

    async fn read(
        &self,
        store: &dyn OpLogStore,
        after: Position,
        limit: ReadLimit,
    ) -> Result<Vec<Batch>> {
        let dead = {
            let dead = self.0.lock();
            dead.iter().find(|batch| batch.follows(after)).cloned()
        };
        match dead {
            Some(batch) => Ok(vec![batch]),
            None => store.read(after, limit).await,
        }
    }
}

/// The dead entry has the same Seq as a living one, and would be the first to arrive.
async fn h13_what_a_fenced_writer_wrote_is_never_read(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    let mut zombie = lead(&*store, 1).await?;
    zombie.mark_committed().await?;
    let end = zombie.tail();
    let mut reader = store.tail(end).await?;
    let mut writer = log.open().await?.open_writer(&token(2)).await?;
    let late = append(&mut *zombie, b"dead").await;
    ensure_refused(late, &ErrorKind::Fenced, "a zombie's append")?;
    // Whatever a fenced writer marks harms nobody.
    drop(zombie.mark_committed().await);
    let nothing = read_after(&*log.open().await?, end).await?;
    ensure_eq!(
        nothing,
        Vec::new(),
        "what is read before the new term has begun"
    );
    let start = epoch_start(writer.epoch(), writer.tail())?;
    send(&mut *writer, &start).await?;
    let living = append(&mut *writer, b"living").await?;
    writer.mark_committed().await?;
    let mut delivered = Vec::new();
    while delivered.last() != Some(&living) {
        delivered.extend(next_batches(&mut *reader).await?);
        if delivered.len() > 2 {
            return Err(Failure::new(format!("the tail delivered {delivered:?}")));
        }
    }
    ensure_eq!(delivered, [start, living], "what the tail delivered");
    Ok(())
}
