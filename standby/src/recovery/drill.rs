use std::pin::pin;

use standfast_core::{Error, ErrorKind, Result, Seq};
use standfast_snapshots::Point;

use super::scratch::{Recovered, Scratch};
use super::step::Tell;
use crate::sources::Sources;

/// What a recovery that was tried out came to.
#[derive(Clone, Debug)]
pub struct Drilled {
    /// What was recovered.
    pub recovered: Recovered,
    /// What is wrong all the same: snapshots that are listed and cannot be restored, a log that ends before the newest
    /// or before an epoch that has served.
    pub problems: Vec<String>,
}

impl Drilled {
    /// Up to which entry the recovered state is proved to be the primary's: by the last digest in the log, else by that of the
    /// snapshot, which the leader compared with its own before it listed it.
    pub fn proven(&self) -> Option<Seq> {
        let found = &self.recovered;
        let by_snapshot = found.snapshot.as_ref().map(|_| found.restored.seq);
        found.proven.or(by_snapshot)
    }
}

/// Does what a machine with nothing would do, into a scratch state and beside nodes that run, until `stop` is ready. Writes
/// nothing but a pin, which it takes back.
///
/// # Errors
/// `Cancelled` when it was stopped; as [`Scratch::restore`] and [`Scratch::replay`].
///
/// # Cancel safety
/// Cancel safe: a pin may stay, and ages.
pub async fn drill(
    sources: &Sources,
    tell: Tell,
    stop: impl Future<Output = ()> + Send,
) -> Result<Drilled> {
    // Asked first: what has served by then had its EpochStart committed (EL-9).
    let announced = sources.election.announced().await?;
    let mut stop = pin!(stop);
    let mut scratch = Scratch::restore(sources, Point::Newest, tell, stop.as_mut()).await?;
    let mut problems = scratch.problems();
    let listed = scratch.listed();
    let held = scratch.take_pin();
    let replaying = async {
        // Neither arm is awaited again.
        tokio::select! {
            recovered = scratch.replay() => recovered,
            () = stop.as_mut() => Err(stopped()),
        }
    };
    let recovered = held.around(replaying).await;
    scratch.discard().await;
    let recovered = recovered?;
    let reached = recovered.reached;
    let behind = listed.filter(|listed| listed.seq > reached.seq);
    problems.extend(behind.map(|listed| {
        format!("the log ends at {reached}, before the newest snapshot, which stands at {listed}")
    }));
    if sources.log_outlives_term() && reached.epoch < announced {
        problems.push(format!(
            "the log ends at {reached}, but the election knows that epoch {announced} has served: its end is lost \
             or not settled yet, or this is another log"
        ));
    }
    Ok(Drilled {
        recovered,
        problems,
    })
}

fn stopped() -> Error {
    Error::new(ErrorKind::Cancelled, "drill").context("interrupted; what was started was stopped")
}
