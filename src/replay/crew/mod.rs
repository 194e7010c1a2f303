use std::sync::Arc;
use std::time::Duration;

use standfast_core::{Error, ErrorKind, Result};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::block_store::BlockStore;
use super::player::Player;
use super::schedule::Schedule;

/// What is under way when a load is stopped may take so long to end.
const GRACE: Duration = Duration::from_secs(2);

/// The players of a load, each in a task of its own, on one schedule.
#[derive(Debug)]
pub(super) struct Crew(JoinSet<Result<()>>);

impl Crew {
    pub(super) fn start<S: BlockStore + 'static>(
        players: impl Iterator<Item = Player<S>>,
        schedule: Schedule,
        stop: &watch::Receiver<bool>,
    ) -> Self {
        let schedule = Arc::new(schedule);
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for player in players {
            tasks.spawn(work(player, Arc::clone(&schedule), stop.clone(), began));
        }
        Self(tasks)
    }

    /// Waits until the schedule is played, or, once it is to stop, until what is under way has ended or had its time.
    ///
    /// # Errors
    /// The first of a player's: the record cannot be written. The others are cut off then.
    pub(super) async fn ended(mut self, mut stop: watch::Receiver<bool>) -> Result<()> {
        let stopped = async {
            // A sender that is gone will never say stop.
            if stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(GRACE).await;
        };
        let all = async {
            while let Some(ended) = self.0.join_next().await {
                match ended {
                    Ok(result) => result?,
                    Err(failed) => return Err(broken(failed)),
                }
            }
            Ok(())
        };
        // Cancel safe: the players are cut off below, whichever ends first.
        let result = tokio::select! {
            result = all => result,
            () = stopped => Ok(()),
        };
        self.0.shutdown().await;
        result
    }
}

fn broken(source: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Closed, "replay")
        .context("a client of the load broke off")
        .source(source)
}

async fn work<S: BlockStore>(
    player: Player<S>,
    schedule: Arc<Schedule>,
    mut stop: watch::Receiver<bool>,
    began: Instant,
) -> Result<()> {
    while !*stop.borrow() {
        let Some(turn) = schedule.next() else { break };
        if !turn.due.is_zero() {
            let until = began.checked_add(turn.due).ok_or_else(|| {
                Error::new(ErrorKind::Config, "replay").context("too slow a speed")
            })?;
            // Both are cancel safe. A sender that is gone will never say stop: the wait goes on.
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                Ok(_) = stop.wait_for(|stop| *stop) => break,
            }
        }
        player.play(&turn.keys).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
