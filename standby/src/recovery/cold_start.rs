use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use standfast_core::{Batch, Epoch, Error, ErrorKind, Position, ReadLimit, Result, Seq};
use standfast_snapshots::Point;

use super::step::{Step, Tell};
use crate::bootstrap::{Bootstrapped, bootstrap_up_to};
use crate::follow::check;
use crate::high_water::HighWater;
use crate::sources::Sources;

/// What a cold start came to, in a scratch state.
#[derive(Debug)]
pub struct ColdStart {
    /// The state, at the end of what could be restored and replayed.
    pub state: Bootstrapped,
    /// Entries replayed.
    pub entries: u64,
    /// Bytes of log replayed.
    pub bytes: u64,
    /// How long restoring took.
    pub restoring: Duration,
    /// How long replaying took.
    pub replaying: Duration,
    /// Why the log cannot be read on from there, if it cannot.
    pub broken: Option<Error>,
    /// Highest epoch that has served.
    pub announced: Epoch,
    /// The epoch of the catalog, where terms leave no entry behind.
    catalog: Option<Epoch>,
    /// What the log has in the place of what is known committed, if it does.
    contradiction: Option<Error>,
}

/// What was committed and is not there.
#[derive(Debug)]
pub struct Lost {
    /// First entry that is lost.
    pub from: Seq,
    /// Last one that is known of, included; `None` when nobody left knows how many there were.
    pub through: Option<Seq>,
    /// How it is known.
    pub why: Vec<String>,
}

/// Restores and replays without writing anything but a pin, which the state still holds.
///
/// # Errors
/// As [`bootstrap`](crate::bootstrap): there is nothing to begin with. `Corrupt` when an entry cannot be applied, or gives another digest
/// than the primary's.
///
/// # Cancel safety
/// Cancel safe: a pin may stay, and ages.
pub async fn cold_start(
    sources: &Sources,
    high_water: &mut HighWater,
    tell: &Tell,
) -> Result<ColdStart> {
    let begun = sources.clock.now();
    let restoring = Arc::clone(tell);
    let tell_part = move |progress| restoring(Step::Restoring(progress));
    let state = bootstrap_up_to(sources, Point::Newest, tell_part, pin!(pending())).await?;
    let restored = sources.clock.now();
    if let Some(listed) = state.listed {
        high_water.list(listed);
    }
    let contradiction = high_water.check(&state.machine.lock()).err();
    let mut cold = ColdStart {
        contradiction,
        state,
        entries: 0,
        bytes: 0,
        restoring: restored.since(begun),
        replaying: Duration::ZERO,
        broken: None,
        announced: sources.election.announced().await?,
        catalog: catalog_epoch(sources).await?,
    };
    cold.replay(sources, high_water, tell).await?;
    cold.replaying = sources.clock.now().since(restored);
    Ok(cold)
}

impl ColdStart {
    /// Where the state stands.
    pub fn end(&self) -> Position {
        self.state.machine.lock().position()
    }

    /// Replays what is known committed.
    async fn replay(
        &mut self,
        sources: &Sources,
        high_water: &mut HighWater,
        tell: &Tell,
    ) -> Result<()> {
        let mut limit = ReadLimit::default();
        // Only told: a log whose ends cannot be told may be read all the same.
        let bounds = sources.oplog.bounds().await;
        let all = bounds.map_or(0, |bounds| bounds.tail.seq.since(self.end().seq));
        loop {
            match sources.oplog.read(self.end(), limit).await {
                Ok(batches) if batches.is_empty() => return Ok(()),
                Ok(batches) => {
                    self.apply(&batches, high_water)?;
                    let done = self.entries;
                    tell(Step::Replaying { done, all });
                    tokio::task::yield_now().await;
                }
                // Good batches may lie before the bad one.
                Err(error) if breaks(error.kind()) && limit.batches > 1 => limit.batches = 1,
                Err(error) if breaks(error.kind()) => {
                    self.broken = Some(error);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn apply(&mut self, batches: &[Batch], high_water: &mut HighWater) -> Result<()> {
        for batch in batches {
            high_water.accept_loss(batch)?;
            let contradicts = high_water.check_batch(batch).err();
            self.contradiction = self.contradiction.take().or(contradicts);
            let applied = self.state.machine.lock().apply_batch(batch)?;
            check(applied.compared)?;
            self.entries += batch.len() as u64;
            self.bytes += batch.frame().len() as u64;
        }
        Ok(())
    }

    /// What is missing of what is known committed; `None` when nothing is.
    pub fn lost(&self, high_water: &HighWater) -> Option<Lost> {
        let end = self.end();
        let mut why = Vec::new();
        why.extend(self.broken.as_ref().map(ToString::to_string));
        why.extend(self.contradiction.as_ref().map(ToString::to_string));
        let known = high_water.highest().filter(|known| known.seq > end.seq);
        why.extend(known.map(|known| format!("{known} is known committed, the log ends at {end}")));
        let epoch = self.announced;
        match self.catalog {
            Some(catalog) if epoch > catalog => why.push(format!(
                "epoch {epoch} has served, the bucket's catalog ends in epoch {catalog}"
            )),
            None if epoch > end.epoch => {
                why.push(format!("epoch {epoch} has served, the log ends at {end}"));
            }
            _ => {}
        }
        (!why.is_empty()).then_some(Lost {
            from: end.seq.next(),
            through: known.map(|known| known.seq),
            why,
        })
    }
}

/// In mode `snapshot` every term raises the catalog's epoch before it serves.
async fn catalog_epoch(sources: &Sources) -> Result<Option<Epoch>> {
    if sources.log_outlives_term() {
        return Ok(None);
    }
    Ok(Some(sources.oplog.bounds().await?.epoch))
}

/// Whether the log ends there for good, and is not just out of reach.
const fn breaks(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::LogRegressed | ErrorKind::Gap | ErrorKind::Corrupt | ErrorKind::Trimmed { .. }
    )
}
