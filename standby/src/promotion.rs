use std::borrow::Cow;
use std::time::Duration;

use standfast_core::{
    Batch, BatchBuilder, BatchEnd, Bounds, Entry, EntryId, Epoch, EpochStart, Error, ErrorKind,
    Handover, Leadership, OpLogWriter, OpType, Position, ReadLimit, Result, SharedMachine, lapsed,
};

use crate::follow::{check, count_skipped};
use crate::high_water::HighWater;
use crate::sources::Sources;

/// What an operator can do about a log that went backwards.
const WAY_OUT: &str = "put the lost part of the log back; if there is no copy of it, see what is left with `standfast recover --plan`";

/// First and longest pause before EpochStart is sent again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

/// A promotion that did not succeed.
#[derive(Debug)]
pub struct NotPromoted {
    /// The leadership, to resign or to claim a higher epoch with.
    pub leadership: Box<dyn Leadership>,
    /// Why.
    pub error: Error,
}

/// Fences the log, drains what was settled, writes EpochStart: nothing else is on this path.
///
/// Catching up happens after fencing, so that nothing a predecessor appended late is missed.
///
/// # Errors
/// `Fenced`: resign and campaign above what was found. `LogRegressed`, `Corrupt`, `Gap`: fail closed.
///
/// # Durability
/// EpochStart is durable on return.
///
/// # Cancel safety
/// Not cancel safe: the fence may stay; call it from the task that owns the node's role.
pub async fn promote(
    sources: &Sources,
    machine: SharedMachine,
    high_water: &mut HighWater,
    leadership: Box<dyn Leadership>,
) -> Result<Handover, NotPromoted> {
    let begun = sources.clock.now();
    match fence_and_start(sources, &machine, high_water, &*leadership).await {
        Ok((writer, start, after_loss)) => {
            let took = sources.clock.now().since(begun);
            metrics::histogram!("standfast_promotion_seconds").record(took.as_secs_f64());
            tracing::info!(epoch = %leadership.token().epoch, %start, ?took, "promoted");
            Ok(Handover {
                machine,
                writer,
                leadership,
                start,
                after_loss,
            })
        }
        Err(error) => Err(NotPromoted { leadership, error }),
    }
}

async fn fence_and_start(
    sources: &Sources,
    machine: &SharedMachine,
    high_water: &mut HighWater,
    leadership: &dyn Leadership,
) -> Result<(Box<dyn OpLogWriter>, Position, bool)> {
    let outlives = sources.log_outlives_term();
    if !outlives {
        check_catalog(sources, machine, high_water).await?;
    }
    let (mut writer, announced) = tokio::try_join!(
        sources.oplog.open_writer(leadership.token()),
        sources.election.announced(),
    )?;
    if outlives {
        // Whoever came after us may have served by now: that says nothing of what we found.
        if announced > leadership.token().epoch {
            return Err(Error::new(ErrorKind::Fenced, "promote")
                .context(format!("epoch {announced} has served meanwhile")));
        }
        check_announced(writer.tail(), announced)?;
    }
    let after_loss = !writer.complete();
    check_regression(writer.tail(), machine.lock().position())?;
    drain(&mut *writer, machine, high_water).await?;
    // After the drain: it may have told that a loss was accepted.
    if let Some(known) = high_water.highest() {
        check_regression(writer.tail(), known)?;
    }
    let previous = writer.tail();
    let batch = epoch_start(sources, machine, leadership, false)?;
    let over = lapsed(sources.clock.clone(), leadership.validity());
    let start = append(&mut *writer, &batch, over).await?;
    machine.lock().apply_batch(&batch)?;
    if outlives {
        high_water.raise(start);
    }
    if sources.clock.now() >= *leadership.validity().borrow() {
        return Err(too_late());
    }
    if after_loss {
        tracing::warn!(
            behind = %previous,
            "the term before did not end in good order: what it acknowledged after its newest snapshot is lost"
        );
    }
    Ok((writer, start, after_loss))
}

/// Whoever was announced had its EpochStart committed: a log that ends in an earlier epoch was lost, or is another one.
fn check_announced(tail: Position, announced: Epoch) -> Result<()> {
    if tail.epoch >= announced {
        return Ok(());
    }
    Err(Error::new(ErrorKind::LogRegressed, "promote").context(format!(
        "the election knows that epoch {announced} has served, but the log ends at {tail}: {WAY_OUT}"
    )))
}

/// The same where terms leave no entry behind, before the catalog is raised: whoever was announced had it raised to its
/// epoch. `Trimmed` when the state is not the newest snapshot's.
async fn check_catalog(
    sources: &Sources,
    machine: &SharedMachine,
    high_water: &HighWater,
) -> Result<()> {
    // In this order: what was announced by then is in the catalog.
    let announced = sources.election.announced().await?;
    let Bounds { epoch, tail, .. } = sources.oplog.bounds().await?;
    high_water.check_newest(tail)?;
    if epoch < announced {
        return Err(Error::new(ErrorKind::LogRegressed, "promote").context(format!(
            "the election knows that epoch {announced} has served, but the bucket's catalog ends in epoch {epoch}: put \
             the bucket back; if there is no copy of it, see what is left with `standfast recover --plan`"
        )));
    }
    let stands = machine.lock().position();
    drop(sources.oplog.read(stands, ReadLimit::default()).await?);
    Ok(())
}

/// A log that lost what is known to be committed is served by nobody.
fn check_regression(tail: Position, known: Position) -> Result<()> {
    if tail.seq >= known.seq {
        return Ok(());
    }
    Err(
        Error::new(ErrorKind::LogRegressed, "promote").context(format!(
            "the log ends at {tail}, but {known} is known committed: {WAY_OUT}"
        )),
    )
}

async fn drain(
    writer: &mut dyn OpLogWriter,
    machine: &SharedMachine,
    high_water: &mut HighWater,
) -> Result<()> {
    loop {
        let position = machine.lock().position();
        if position == writer.tail() {
            return Ok(());
        }
        let batches = writer.settled(position, ReadLimit::default()).await?;
        if batches.is_empty() {
            return Err(Error::new(ErrorKind::Gap, "promote").context(format!(
                "the log gives nothing after {position}, but it ends at {}",
                writer.tail()
            )));
        }
        for batch in &batches {
            high_water.accept_loss(batch)?;
            high_water.check_batch(batch)?;
            let applied = machine.lock().apply_batch(batch)?;
            count_skipped(applied);
            check(applied.compared)?;
            tokio::task::yield_now().await;
        }
    }
}

/// The batch that begins the term of `leadership` behind the state.
pub(crate) fn epoch_start(
    sources: &Sources,
    machine: &SharedMachine,
    leadership: &dyn Leadership,
    unclean: bool,
) -> Result<Batch> {
    let state = machine.lock();
    let previous = state.position();
    let epoch = leadership.token().epoch;
    let start = EpochStart {
        epoch,
        previous,
        node: sources.candidate.node.clone(),
        versions: state.versions(),
        unclean,
    };
    let mut builder = BatchBuilder::new(previous.seq.next());
    builder.push(&Entry {
        seq: previous.seq.next(),
        timestamp_ms: if state.stamp_ms() == 0 {
            wall_ms()
        } else {
            state.now_ms()
        },
        op_type: OpType::EPOCH_START,
        id: EntryId::default(),
        key: Cow::Borrowed(&[]),
        payload: Cow::Owned(start.encode()),
    })?;
    // All of `previous` was settled: it is committed the moment this batch is durable.
    builder.seal(&BatchEnd {
        epoch,
        previous,
        committed: previous.seq,
        digest: None,
    })
}

/// The first stamp of a cluster is wall time, so that stamps mean something to people; every later one follows
/// from the one before.
fn wall_ms() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "for people; order never depends on it"
    )]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(1, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// Sends the same bytes until they are durable, the writer says that they never will be, or the lease has run `over`. The
/// writer is good for nothing after that.
async fn append(
    writer: &mut dyn OpLogWriter,
    batch: &Batch,
    over: impl Future<Output = ()>,
) -> Result<Position> {
    let sending = async {
        let mut pause = PAUSES.0;
        loop {
            match writer.append(batch).await {
                Err(error)
                    if matches!(error.kind(), ErrorKind::NotWritten | ErrorKind::Unavailable) =>
                {
                    tracing::warn!(%error, "EpochStart is not committed; it is sent again");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
                other => return other,
            }
        }
    };
    // What was sent may be written yet: whoever leads next fences it, and finds it if it was.
    tokio::select! {
        sent = sending => sent,
        () = over => Err(too_late()),
    }
}

fn too_late() -> Error {
    Error::new(ErrorKind::Fenced, "promote")
        .context("the lease ran out before the term could begin")
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use standfast_core::Seq;

    use super::*;

    /// It says after so long that nothing was written.
    struct FullLog {
        says: Duration,
        sent: u32,
    }

    #[async_trait]
    impl OpLogWriter for FullLog {
        fn epoch(&self) -> Epoch {
            Epoch(1)
        }

        fn tail(&self) -> Position {
            Position::default()
        }

        async fn settled(&mut self, _after: Position, _limit: ReadLimit) -> Result<Vec<Batch>> {
            Ok(Vec::new())
        }

        async fn append(&mut self, _batch: &Batch) -> Result<Position> {
            self.sent += 1;
            tokio::time::sleep(self.says).await;
            Err(Error::new(ErrorKind::NotWritten, "append"))
        }

        async fn mark_committed(&mut self) -> Result<()> {
            Ok(())
        }

        async fn close(self: Box<Self>) -> Result<()> {
            Ok(())
        }
    }

    fn batch() -> Batch {
        let mut builder = BatchBuilder::new(Seq(1));
        let entry = Entry {
            seq: Seq(1),
            timestamp_ms: 1,
            op_type: OpType::EPOCH_START,
            id: EntryId::default(),
            key: Cow::Borrowed(&[]),
            payload: Cow::Borrowed(&[]),
        };
        builder.push(&entry).unwrap();
        let end = BatchEnd {
            epoch: Epoch(1),
            previous: Position::default(),
            committed: Seq::ZERO,
            digest: None,
        };
        builder.seal(&end).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn epoch_start_is_sent_again_while_the_lease_lasts_and_not_beyond() {
        let lease = Duration::from_secs(5);
        // One that says it at 2 and 4 s, and one that says nothing.
        for (says, tries) in [(2, 3), (3600, 1)] {
            let mut log = FullLog {
                says: Duration::from_secs(says),
                sent: 0,
            };
            let begun = tokio::time::Instant::now();
            let sent = append(&mut log, &batch(), tokio::time::sleep(lease)).await;
            assert_eq!(*sent.unwrap_err().kind(), ErrorKind::Fenced);
            assert_eq!((log.sent, begun.elapsed()), (tries, lease));
        }
    }
}
