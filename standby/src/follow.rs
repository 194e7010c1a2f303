use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use standfast_core::{
    Applied, BootInstant, Compared, ElectionBackend, Epoch, Error, ErrorKind, Leadership,
    OpLogTail, Position, Result, SharedMachine, TailEvent,
};
use standfast_snapshots::RestorePin;
use tokio::sync::watch;

use crate::bootstrap::Bootstrapped;
use crate::hearing::hear;
use crate::high_water::HighWater;
use crate::passed_over::wait_for_another;
use crate::progress::Progress;
use crate::sources::Sources;

/// How often the high-water file is brought up to date.
const HIGH_WATER_EVERY: Duration = Duration::from_secs(1);
/// Pause before an unavailable store is asked again.
const PAUSE: Duration = Duration::from_millis(100);

/// How following ended.
#[derive(Debug)]
pub enum Followed {
    /// This node was elected; the state stands at the end of what it read.
    Elected(Box<dyn Leadership>),
    /// What comes next was trimmed: bootstrap again. Where the newest snapshot is damaged, another is there by now.
    Behind,
}

/// Follows the log, and campaigns once it has caught up; the pin of a restore is released then.
///
/// # Errors
/// What must not be passed over: `Corrupt`, `Gap`, `LogRegressed`, `Version`. The state is as the last whole
/// batch left it.
///
/// # Cancel safety
/// Cancel safe: the state stands at a batch end.
pub async fn follow(
    sources: &Sources,
    state: &mut Bootstrapped,
    high_water: &mut HighWater,
    at_least: Epoch,
    progress: &watch::Sender<Progress>,
) -> Result<Followed> {
    if let Some(listed) = state.listed {
        high_water.list(listed);
    }
    let mut follower = Follower {
        sources,
        machine: &state.machine,
        high_water,
        at_least,
        progress,
        followed: None,
        saved: None,
    };
    let followed = follower.follow(&mut state.pin).await;
    if followed.is_err() {
        follower.mark_followed();
        follower.high_water.written().await;
    }
    if let Some(followed) = followed? {
        return Ok(followed);
    }
    wait_for_another(sources, state).await?;
    Ok(Followed::Behind)
}

/// The suffix was replayed: the snapshot and the log behind it are free again.
struct Follower<'a> {
    sources: &'a Sources,
    machine: &'a SharedMachine,
    high_water: &'a mut HighWater,
    at_least: Epoch,
    progress: &'a watch::Sender<Progress>,
    /// The end of what the log gave here, and so committed: the state may have begun with what is not.
    followed: Option<Position>,
    saved: Option<BootInstant>,
}

impl Follower<'_> {
    /// Until it is elected or behind; `None` when what comes next was trimmed before the end of the log was reached.
    async fn follow(&mut self, pin: &mut Option<RestorePin>) -> Result<Option<Followed>> {
        let begun = self.sources.clock.now();
        let mut tail = self.open().await?;
        if let Some(pin) = pin {
            let expiry = self.sources.policy.pin_expiry.0;
            pin.keep(expiry, self.catch_up(&mut tail)).await?;
        } else {
            self.catch_up(&mut tail).await?;
        }
        if let Some(pin) = pin.take() {
            pin.let_go().await;
        }
        if !self.progress.borrow().caught_up {
            return Ok(None);
        }
        let took = self.sources.clock.now().since(begun);
        metrics::histogram!("standfast_catch_up_seconds").record(took.as_secs_f64());
        self.stand(tail).await.map(Some)
    }

    async fn open(&mut self) -> Result<Box<dyn OpLogTail>> {
        if !self.sources.log_outlives_term() {
            let newest = self.sources.oplog.bounds().await?.tail;
            self.high_water.check_newest(newest)?;
        }
        let position = {
            let machine = self.machine.lock();
            self.high_water.check(&machine)?;
            machine.position()
        };
        self.progress.send_replace(Progress {
            position,
            epoch: position.epoch,
            ..Progress::default()
        });
        self.sources.oplog.tail(position).await
    }

    /// Applies until the end of the log was reached once, or it turns out to be trimmed.
    async fn catch_up(&mut self, tail: &mut Box<dyn OpLogTail>) -> Result<()> {
        loop {
            let event = match self.hear(tail).await {
                Ok(event) => event,
                Err(error) => {
                    self.mark_followed();
                    pause(error).await?;
                    continue;
                }
            };
            let behind = matches!(event, TailEvent::Trimmed { .. });
            self.take(event).await?;
            if behind || self.progress.borrow().caught_up {
                return Ok(());
            }
        }
    }

    /// The next event, or the end of the log when its tail does not tell it.
    async fn hear(&self, tail: &mut Box<dyn OpLogTail>) -> Result<TailEvent> {
        if !tail.ends_with_its_log() {
            return tail.next().await;
        }
        let position = self.machine.lock().position();
        let end = || async { Ok(self.sources.oplog.bounds().await?.tail) };
        if let Some(heard) = hear(&mut **tail, position, end).await {
            return heard;
        }
        *tail = self.sources.oplog.tail(position).await?;
        let told = format!("there is more behind {position}, and the tail has not told it");
        Err(Error::new(ErrorKind::Timeout, "follow").context(told))
    }

    /// Goes on applying while it stands for election.
    async fn stand(&mut self, mut tail: Box<dyn OpLogTail>) -> Result<Followed> {
        let election = Arc::clone(&self.sources.election);
        let candidate = self.sources.candidate.clone();
        let at_least = self.at_least_epoch().await?;
        let mut campaign = campaign(&*election, &candidate, at_least);
        let mut ticks = tokio::time::interval(HIGH_WATER_EVERY);
        loop {
            let event = {
                // Kept across the ticks: a slow store would begin anew with each.
                let mut next = tail.next();
                loop {
                    // All arms are cancel safe; the campaign is kept across turns, and an event that was not taken is
                    // given again.
                    tokio::select! {
                        leadership = &mut campaign => return Ok(Followed::Elected(leadership?)),
                        event = &mut next => break event,
                        // What came last, when nothing comes after it.
                        _ = ticks.tick() => self.mark_followed(),
                    }
                }
            };
            match event {
                Ok(TailEvent::Trimmed { .. }) => return Ok(Followed::Behind),
                Ok(event) => self.take(event).await?,
                Err(error) => {
                    self.mark_followed();
                    pause(error).await?;
                }
            }
        }
    }

    async fn at_least_epoch(&self) -> Result<Epoch> {
        let bounds = self.sources.oplog.bounds().await?;
        let kept = self
            .high_water
            .position()
            .map_or(Epoch::ZERO, |position| position.epoch);
        let own = self.machine.lock().position().epoch;
        Ok(self.at_least.max(bounds.epoch).max(kept).max(own))
    }

    async fn take(&mut self, event: TailEvent) -> Result<()> {
        match event {
            TailEvent::Batches(batches) => {
                for batch in &batches {
                    self.high_water.accept_loss(batch)?;
                    self.high_water.check_batch(batch)?;
                    let applied = self.machine.lock().apply_batch(batch)?;
                    self.followed = Some(applied.position);
                    metrics::counter!("standfast_followed_entries_total")
                        .increment(batch.len() as u64);
                    self.progress.send_modify(|progress| {
                        progress.position = applied.position;
                        progress.epoch = progress.epoch.max(applied.position.epoch);
                        progress.verified.count(applied.compared);
                    });
                    count_skipped(applied);
                    check(applied.compared)?;
                    // One batch at a time, so that a capture or a status call gets the state meanwhile.
                    tokio::task::yield_now().await;
                }
            }
            TailEvent::CaughtUp { .. } => {
                let known = self.high_water.position().unwrap_or_default();
                self.progress.send_modify(|progress| {
                    progress.caught_up = true;
                    progress.known = known.seq;
                });
            }
            TailEvent::NewEpoch(epoch) => {
                self.progress
                    .send_modify(|progress| progress.epoch = progress.epoch.max(epoch));
            }
            TailEvent::Trimmed { floor } => {
                if self.sources.log_outlives_term() {
                    tracing::warn!(%floor, "what comes next was trimmed; bootstrapping again");
                } else {
                    tracing::info!(%floor, "a newer snapshot is there; restoring it");
                }
                self.progress
                    .send_modify(|progress| progress.caught_up = false);
            }
        }
        self.keep_high_water();
        self.publish();
        Ok(())
    }

    fn publish(&self) {
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        metrics::gauge!("standfast_applied_seq").set(self.progress.borrow().position.seq.0 as f64);
    }

    fn keep_high_water(&mut self) {
        let now = self.sources.clock.now();
        if self
            .saved
            .is_some_and(|saved| now.since(saved) < HIGH_WATER_EVERY)
        {
            return;
        }
        self.saved = Some(now);
        let position = self.machine.lock().position();
        self.high_water.raise(position);
    }

    /// Marks the end of what the log gave. Done at once where following meets trouble: a log that went backwards is told
    /// from what this node has seen, and it may be killed before it sees more.
    fn mark_followed(&mut self) {
        if let Some(followed) = self.followed {
            self.high_water.raise(followed);
        }
    }
}

/// A candidacy under way.
type Campaign<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Leadership>>> + Send + 'a>>;

fn campaign<'a>(
    election: &'a dyn ElectionBackend,
    candidate: &'a standfast_core::Candidate,
    at_least: Epoch,
) -> Campaign<'a> {
    Box::pin(async move {
        loop {
            match election.campaign(candidate, at_least).await {
                Ok(leadership) => return Ok(leadership),
                Err(error) => pause(error).await?,
            }
        }
    })
}

/// Waits a little after a passing trouble; passes every other error on.
pub(crate) async fn pause(error: Error) -> Result<()> {
    if !error.retry() {
        return Err(error);
    }
    tracing::debug!(%error, "trying again");
    metrics::counter!("standfast_follow_retries_total").increment(1);
    tokio::time::sleep(PAUSE).await;
    Ok(())
}

/// Passing entries over is told each time.
pub(crate) fn count_skipped(applied: Applied) {
    if applied.skipped == 0 {
        return;
    }
    tracing::warn!(batch = %applied.position, entries = applied.skipped, "passed over what an operator has skipped");
    metrics::counter!("standfast_skipped_entries_total").increment(applied.skipped);
}

/// A state that differs from the primary's is never served.
pub(crate) fn check(compared: Compared) -> Result<()> {
    match compared {
        Compared::Differs { seq, ours, theirs } => {
            Err(Error::new(ErrorKind::Corrupt, "verify").context(format!(
                "the state differs from the primary's at seq {seq}: digest {ours}, the primary's is {theirs}"
            )))
        }
        Compared::Equal(_) | Compared::Not => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_passing_trouble_is_counted_and_waited_for_and_no_other_is() {
        let recorder = DebuggingRecorder::new();
        let seen = recorder.snapshotter();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let begun = tokio::time::Instant::now();
        pause(Error::new(ErrorKind::Unavailable, "read"))
            .await
            .unwrap();
        assert_eq!(begun.elapsed(), PAUSE);
        pause(Error::new(ErrorKind::Corrupt, "read"))
            .await
            .unwrap_err();
        let counted = seen.snapshot().into_vec();
        let [(key, _, _, DebugValue::Counter(1))] = &counted[..] else {
            panic!("{counted:?}");
        };
        assert_eq!(key.key().name(), "standfast_follow_retries_total");
    }
}
