//! The cases about snapshot stores.

mod collecting;
mod damaged;
mod documents;
mod entries;
mod harness;
mod held;
mod identity;
mod interleaved;
mod listing;
mod model;
mod parts;
mod processes;
mod publishing;
mod scene;
mod trial;
mod twist;

use std::sync::Arc;

use crate::conformance::case::{Case, Kind};
use crate::conformance::damage::Damage;
use crate::conformance::failure::Outcome;
use crate::store::Reach;

pub use harness::{SnapshotHarness, SnapshotSpace, WiredSnapshots};
pub use trial::SnapshotTrial;
pub use twist::SnapshotTwist;

/// Snapshot stores.
#[derive(Debug)]
pub enum Snapshots {}

/// What decides which cases about snapshot stores apply.
#[derive(Clone, Debug)]
pub struct SnapshotFacts {
    reach: Reach,
    wired: bool,
    apart: bool,
    damaged: bool,
}

impl Kind for Snapshots {
    const NAME: &'static str = "snapshots";
    type Harness = dyn SnapshotHarness;
    type Facts = SnapshotFacts;
    type Trial = SnapshotTrial;
    type Twist = dyn SnapshotTwist;

    fn cases() -> Vec<Case<Self>> {
        [
            identity::cases(),
            documents::cases(),
            damaged::cases(),
            publishing::cases(),
            entries::cases(),
            interleaved::cases(),
            listing::cases(),
            collecting::cases(),
            held::cases(),
            processes::cases(),
            model::cases(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    async fn facts(trial: &SnapshotTrial) -> Outcome<SnapshotFacts> {
        let space = trial.space().await?;
        Ok(SnapshotFacts {
            reach: space.open().await?.capabilities().reach,
            wired: space.open_wired().await?.is_some(),
            apart: space.open_apart().await?.is_some(),
            damaged: space.damage(Damage::Rot).await?,
        })
    }

    fn trial(
        harness: &Arc<dyn SnapshotHarness>,
        twist: Option<Arc<dyn SnapshotTwist>>,
        seed: u64,
    ) -> SnapshotTrial {
        SnapshotTrial::new(Arc::clone(harness), twist, seed)
    }

    async fn clean(trial: &SnapshotTrial) -> Outcome {
        trial.clean().await
    }
}

/// The harness has a wire.
fn wired(facts: &SnapshotFacts) -> Option<&'static str> {
    match (facts.wired, facts.apart) {
        (true, _) => None,
        (false, true) => Some(
            "no wire: the harness cannot hold single calls; processes are frozen and killed at moments of chance",
        ),
        (false, false) => Some("no wire: the harness cannot hold single calls"),
    }
}

/// A leader can be frozen and killed.
fn apart(facts: &SnapshotFacts) -> Option<&'static str> {
    match (facts.apart, facts.reach) {
        (true, _) => None,
        (false, Reach::Process) => Some("reach = process: no other process publishes"),
        (false, _) => Some("no way to freeze a leader"),
    }
}

/// The harness can damage what is stored.
fn damaged(facts: &SnapshotFacts) -> Option<&'static str> {
    (!facts.damaged).then_some("no way to damage what is stored")
}
