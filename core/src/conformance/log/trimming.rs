use std::sync::Arc;

use async_trait::async_trait;

use super::parts::{
    Guard, append, ensure_contiguous, ensure_refused, fill, lead, next, next_batches, noise,
    read_after, read_all,
};
use super::trial::{LogTrial, outlived};
use super::twist::LogTwist;
use super::{Log, tells_usage};
use crate::batch::Batch;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Failure, Outcome, ensure, ensure_eq};
use crate::conformance::parts::cluster;
use crate::error::{ErrorKind, Result};
use crate::oplog::{
    Bounds, OpLogStore, OpLogTail, OpLogWriter, ReadLimit, TailEvent, TrimGuard, Usage,
};
use crate::words::{Position, Seq};

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![
        case!(
            h10_trim_keeps_what_is_needed_and_the_last_batch,
            ["OL-8", "OL-7", "h10", "h11"],
            needs [],
            twin TrimsPastAPin
        ),
        case!(
            h10_what_is_needed_and_cannot_be_found_out_stays,
            ["OL-8", "h10"],
            needs [],
            twin TrimsPastAPin
        ),
        case!(
            h07_who_no_longer_leads_trims_nothing,
            ["OL-8", "OL-2", "h07"],
            needs [],
            twin LetsAnybodyTrim
        ),
        case!(
            what_is_left_is_read_from_before_the_floor,
            ["OL-11", "OL-8"],
            needs [],
            twin ForgetsWhereItBegins
        ),
        case!(
            h11_a_tail_below_the_floor_says_so,
            ["OL-7", "OT-1", "h11"],
            needs [],
            twin SkipsWhatWasTrimmed
        ),
        case!(
            h25_its_size_grows_with_appends_and_falls_with_trims,
            ["OL-14", "h25"],
            needs [tells_usage],
            twin TellsAlwaysTheSame
        ),
    ]
}

/// Trims whatever it is told to, and asks nobody.
struct TrimsPastAPin;

#[async_trait]
impl LogTwist for TrimsPastAPin {
    async fn trim(
        &self,
        store: &dyn OpLogStore,
        through: Seq,
        guard: &dyn TrimGuard,
    ) -> Result<Seq> {
        let nothing_needed = Guard::of(guard.token().epoch.0);
        store.trim(through, &nothing_needed).await
    }
}

/// A log of forty batches, and a handle on it whose writer leads under epoch 1.
async fn forty(trial: &LogTrial) -> Outcome<(Arc<dyn OpLogStore>, Box<dyn OpLogWriter>)> {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    let mut writer = lead(&*store, 1).await?;
    fill(&mut *writer, 40).await?;
    Ok((store, writer))
}

async fn h10_trim_keeps_what_is_needed_and_the_last_batch(trial: &LogTrial) -> Outcome {
    let (store, mut writer) = forty(trial).await?;
    let all = read_all(&*store).await?;
    let needed = Guard::of(1).needs(Seq(11));
    let floor = store.trim(Seq(30), &needed).await?;
    ensure!(
        floor > Seq(1) && floor <= Seq(11),
        "entries from 11 on are needed, and the floor is {floor}"
    );
    let bounds = store.bounds().await?;
    let rest = read_after(&*store, bounds.before_floor).await?;
    ensure_eq!(
        rest.first().map(Batch::first),
        Some(floor),
        "the first entry left"
    );
    ensure_eq!(rest.last(), all.last(), "the last batch left");
    let floor = store.trim(Seq(30), &Guard::of(1)).await?;
    ensure!(
        floor > Seq(11) && floor <= Seq(31),
        "trimmed through 30, and the floor is {floor}"
    );
    let again = store.trim(Seq(30), &Guard::of(1)).await?;
    ensure_eq!(again, floor, "the floor after the same trim");
    let below = read_all(&*store).await;
    ensure_refused(
        below,
        &ErrorKind::Trimmed { floor },
        "reading what was trimmed",
    )?;
    store.trim(Seq(1000), &Guard::of(1)).await?;
    let tail = store.bounds().await?.tail;
    ensure_eq!(
        Some(tail),
        all.last().map(Batch::end),
        "the tail after trimming all"
    );
    append(&mut *writer, b"on it goes").await?;
    Ok(())
}

async fn h10_what_is_needed_and_cannot_be_found_out_stays(trial: &LogTrial) -> Outcome {
    let (store, _writer) = forty(trial).await?;
    let all = read_all(&*store).await?;
    let answer = store.trim(Seq(30), &Guard::of(1).unsure()).await;
    ensure_refused(
        answer,
        &ErrorKind::Unavailable,
        "trimming while pins cannot be read",
    )?;
    ensure_eq!(
        read_all(&*store).await?,
        all,
        "what is there after a trim that failed"
    );
    Ok(())
}

/// Does not ask whose token it is.
struct LetsAnybodyTrim;

#[async_trait]
impl LogTwist for LetsAnybodyTrim {
    async fn trim(
        &self,
        store: &dyn OpLogStore,
        through: Seq,
        guard: &dyn TrimGuard,
    ) -> Result<Seq> {
        match store.trim(through, guard).await {
            Err(error) if *error.kind() == ErrorKind::Fenced => Ok(store.bounds().await?.floor),
            answer => answer,
        }
    }
}

async fn h07_who_no_longer_leads_trims_nothing(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let old = log.open().await?;
    let mut writer = lead(&*old, 1).await?;
    fill(&mut *writer, 40).await?;
    let all = read_all(&*old).await?;
    let zombie = outlived(&*old, writer);
    let store = log.open().await?;
    let mut next = lead(&*store, 2).await?;
    next.mark_committed().await?;
    for epoch in [1, 3] {
        let answer = old.trim(Seq(30), &Guard::of(epoch)).await;
        let what = format!("trimming with the token of epoch {epoch}, which does not lead");
        ensure_refused(answer, &ErrorKind::Fenced, &what)?;
    }
    let read = read_all(&*store).await?;
    ensure_eq!(read.get(..all.len()), Some(&*all), "what is there");
    drop(zombie);
    Ok(())
}

/// Tells genesis as the place before the floor.
struct ForgetsWhereItBegins;

#[async_trait]
impl LogTwist for ForgetsWhereItBegins {
    async fn bounds(&self, store: &dyn OpLogStore) -> Result<Bounds> {
        let mut bounds = store.bounds().await?;
        bounds.before_floor = Position::genesis(cluster());
        Ok(bounds)
    }
}

async fn what_is_left_is_read_from_before_the_floor(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    let fresh = store.bounds().await?;
    let genesis = Position::genesis(cluster());
    ensure_eq!(
        (fresh.before_floor, fresh.tail),
        (genesis, genesis),
        "a fresh log's ends"
    );
    let mut writer = lead(&*store, 1).await?;
    for n in 0..20_u8 {
        append(&mut *writer, &noise(n)).await?;
    }
    drop(writer);
    // The second term's first segment, where there are segments, begins with what the first left unsettled.
    let mut writer = lead(&*store, 2).await?;
    fill(&mut *writer, 20).await?;
    let all = read_all(&*store).await?;
    let mut floors = Vec::new();
    for through in [0, 10, 19, 20, 21, 22, 23, 30, 1000] {
        let floor = store.trim(Seq(through), &Guard::of(2)).await?;
        // A handle of its own, which remembers nothing.
        let other = log.open().await?;
        let bounds = other.bounds().await?;
        ensure_eq!(bounds.floor, floor, "the floor");
        ensure_eq!(
            bounds.before_floor.seq.next(),
            floor,
            "the entry after before_floor"
        );
        let left = read_after(&*other, bounds.before_floor).await?;
        let wanted: Vec<_> = all.iter().filter(|batch| batch.first() >= floor).collect();
        ensure_eq!(
            left.iter().collect::<Vec<_>>(),
            wanted,
            "what is left above floor {floor}"
        );
        floors.push(floor);
    }
    ensure!(
        floors.first() == Some(&Seq(1)) && floors.last() > Some(&Seq(22)),
        "the floor went {floors:?}"
    );
    Ok(())
}

/// Goes on where the log begins now, as if nothing were missing.
struct SkipsWhatWasTrimmed;

#[async_trait]
impl LogTwist for SkipsWhatWasTrimmed {
    async fn next(&self, tail: &mut dyn OpLogTail) -> Result<TailEvent> {
        match tail.next().await? {
            TailEvent::Trimmed { floor } => Ok(TailEvent::Trimmed {
                floor: floor.next(),
            }),
            event => Ok(event),
        }
    }

    async fn read(
        &self,
        store: &dyn OpLogStore,
        after: Position,
        limit: ReadLimit,
    ) -> Result<Vec<Batch>> {
        match store.read(after, limit).await {
            Err(error) if matches!(error.kind(), ErrorKind::Trimmed { .. }) => {
                store.read(store.bounds().await?.before_floor, limit).await
            }
            answer => answer,
        }
    }
}

async fn h11_a_tail_below_the_floor_says_so(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    let mut writer = lead(&*store, 1).await?;
    writer.mark_committed().await?;
    let genesis = Position::genesis(cluster());
    let reader = log.open().await?;
    let mut tail = reader.tail(genesis).await?;
    let mut position = ensure_contiguous(&next_batches(&mut *tail).await?, genesis)?;
    fill(&mut *writer, 40).await?;
    let floor = store.trim(Seq(41), &Guard::of(1)).await?;
    // It may have read ahead, some of the deleted batches or all of them. What it lacks it must say.
    loop {
        match next(&mut *tail).await? {
            TailEvent::Batches(batches) => position = ensure_contiguous(&batches, position)?,
            TailEvent::Trimmed { floor: told } => {
                ensure_eq!(told, floor, "the floor that was told");
                ensure!(
                    position.seq.next() < floor,
                    "what follows {position} is there, and was told to be trimmed"
                );
                break;
            }
            TailEvent::CaughtUp { tail } => {
                ensure_eq!(tail, position, "where the tail caught up");
                if tail == writer.tail() {
                    break;
                }
            }
            TailEvent::NewEpoch(epoch) => {
                return Err(Failure::new(format!(
                    "a new epoch {epoch} that nobody opened"
                )));
            }
        }
    }
    ensure_tells_floor(&*log.open().await?, genesis, floor).await
}

/// A tail that begins below the floor says so before anything else: when it is opened, or first asked.
async fn ensure_tells_floor(store: &dyn OpLogStore, after: Position, floor: Seq) -> Outcome {
    let mut tail = match store.tail(after).await {
        Err(error) if *error.kind() == (ErrorKind::Trimmed { floor }) => return Ok(()),
        tail => tail?,
    };
    let told = next(&mut *tail).await?;
    ensure_eq!(
        told,
        TailEvent::Trimmed { floor },
        "what a tail below the floor tells first"
    );
    Ok(())
}

/// Tells the size of an empty log for ever.
struct TellsAlwaysTheSame;

#[async_trait]
impl LogTwist for TellsAlwaysTheSame {
    async fn usage(&self, _store: &dyn OpLogStore) -> Result<Option<Usage>> {
        Ok(Some(Usage {
            bytes: 0,
            limit: None,
            available: None,
        }))
    }
}

async fn h25_its_size_grows_with_appends_and_falls_with_trims(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    let mut writer = lead(&*store, 1).await?;
    let usage = async || {
        let usage = store.usage().await?;
        usage.ok_or_else(|| Failure::new("its size is declared to be told, and is not"))
    };
    let fresh = usage().await?.bytes;
    fill(&mut *writer, 40).await?;
    let full = usage().await?.bytes;
    ensure!(
        fresh < full,
        "{fresh} bytes before 40 batches of 8 KiB, {full} after"
    );
    store.trim(Seq(1000), &Guard::of(1)).await?;
    let trimmed = usage().await?.bytes;
    ensure!(
        trimmed < full,
        "{full} bytes before nearly everything was trimmed, {trimmed} after"
    );
    Ok(())
}
