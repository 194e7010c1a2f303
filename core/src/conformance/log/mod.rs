//! The cases about logs.

mod appending;
mod begun;
mod damaged;
mod fencing;
mod following;
mod harness;
mod held;
mod held_trims;
mod identity;
mod misled;
mod model;
mod parts;
mod processes;
mod racing;
mod racing_trims;
mod reading;
mod tailing;
mod trial;
mod trimming;
mod twist;

use std::sync::Arc;

use crate::conformance::case::{Case, Kind};
use crate::conformance::damage::Damage;
use crate::conformance::failure::Outcome;
use crate::oplog::{Fencing, OpLogCapabilities};
use crate::store::Reach;

pub use harness::{LogHarness, LogSpace, News, Wired};
pub use trial::LogTrial;
pub use twist::LogTwist;

/// Logs.
#[derive(Debug)]
pub enum Log {}

/// What decides which cases about logs apply.
#[derive(Clone, Copy, Debug)]
pub struct LogFacts {
    capabilities: OpLogCapabilities,
    wired: bool,
    apart: bool,
    damaged: bool,
    misled: bool,
}

impl Kind for Log {
    const NAME: &'static str = "log";
    type Harness = dyn LogHarness;
    type Facts = LogFacts;
    type Trial = LogTrial;
    type Twist = dyn LogTwist;

    fn cases() -> Vec<Case<Self>> {
        [
            identity::cases(),
            appending::cases(),
            fencing::cases(),
            held::cases(),
            processes::cases(),
            held_trims::cases(),
            racing::cases(),
            reading::cases(),
            tailing::cases(),
            misled::cases(),
            trimming::cases(),
            racing_trims::cases(),
            begun::cases(),
            following::cases(),
            damaged::cases(),
            model::cases(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    async fn facts(trial: &LogTrial) -> Outcome<LogFacts> {
        let space = trial.space().await?;
        Ok(LogFacts {
            capabilities: space.open().await?.capabilities(),
            wired: space.open_wired().await?.is_some(),
            apart: space.open_apart().await?.is_some(),
            damaged: space.damage(Damage::Rot).await?,
            misled: space.open_misled(News::Lost).await?.is_some(),
        })
    }

    fn trial(
        harness: &Arc<dyn LogHarness>,
        twist: Option<Arc<dyn LogTwist>>,
        seed: u64,
    ) -> LogTrial {
        LogTrial::new(Arc::clone(harness), twist, seed)
    }

    async fn clean(trial: &LogTrial) -> Outcome {
        trial.clean().await
    }
}

/// A writer that was shut out may live on.
fn outliving(facts: &LogFacts) -> Option<&'static str> {
    (facts.capabilities.fencing == Fencing::Lock)
        .then_some("fencing = lock: of two writers one has ended")
}

/// A lock lets one writer live.
fn locked(facts: &LogFacts) -> Option<&'static str> {
    (facts.capabilities.fencing != Fencing::Lock).then_some("fencing is not lock")
}

/// The log can be begun anew.
fn begins_anew(facts: &LogFacts) -> Option<&'static str> {
    (!facts.capabilities.begins_anew).then_some("begins_anew = false")
}

/// The log keeps what is passed over.
fn keeps_skips(facts: &LogFacts) -> Option<&'static str> {
    (!facts.capabilities.keeps_skips).then_some("keeps_skips = false")
}

/// A node can fill it from another's.
fn follower(facts: &LogFacts) -> Option<&'static str> {
    (!facts.capabilities.follower).then_some("follower = false")
}

/// The log tells its size.
fn tells_usage(facts: &LogFacts) -> Option<&'static str> {
    (!facts.capabilities.tells_usage).then_some("tells_usage = false")
}

/// The harness has a wire.
fn wired(facts: &LogFacts) -> Option<&'static str> {
    match (facts.wired, facts.apart) {
        (true, _) => None,
        (false, true) => Some(
            "no wire: the harness cannot hold single calls; processes are frozen and killed at moments of chance",
        ),
        (false, false) => Some("no wire: the harness cannot hold single calls"),
    }
}

/// A leader can be frozen and killed.
fn apart(facts: &LogFacts) -> Option<&'static str> {
    match (facts.apart, facts.capabilities.reach) {
        (true, _) => None,
        (false, Reach::Process) => Some("reach = process: no other process writes"),
        (false, _) => Some("no way to freeze a writer"),
    }
}

/// The harness can tell lies about the log.
fn misled(facts: &LogFacts) -> Option<&'static str> {
    (!facts.misled).then_some("no watch in the harness's hand: it cannot lie")
}

/// The harness can damage what is stored.
fn damaged(facts: &LogFacts) -> Option<&'static str> {
    (!facts.damaged).then_some("no way to damage what is stored")
}
