//! The cases about elections.

mod harness;
mod identity;
mod lease;
mod lost;
mod parts;
mod racing;
mod records;
mod seat;
mod successor;
mod trial;
mod twist;
mod watching;

use std::sync::Arc;

use crate::clock::Clock;
use crate::conformance::case::{Case, Kind};
use crate::conformance::failure::Outcome;
use crate::election::ElectionCapabilities;
use crate::store::Reach;

pub use harness::{ElectionHarness, ElectionSpace};
pub use trial::ElectionTrial;
pub use twist::ElectionTwist;

/// Elections.
#[derive(Debug)]
pub enum Election {}

/// What decides which cases about elections apply.
#[derive(Clone, Debug)]
pub struct ElectionFacts {
    capabilities: ElectionCapabilities,
    given_clocks: bool,
    apart: bool,
}

impl Kind for Election {
    const NAME: &'static str = "election";
    type Harness = dyn ElectionHarness;
    type Facts = ElectionFacts;
    type Trial = ElectionTrial;
    type Twist = dyn ElectionTwist;

    fn cases() -> Vec<Case<Self>> {
        [
            identity::cases(),
            seat::cases(),
            successor::cases(),
            racing::cases(),
            lease::cases(),
            lost::cases(),
            watching::cases(),
            records::cases(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    async fn facts(trial: &ElectionTrial) -> Outcome<ElectionFacts> {
        let space = trial.space().await?;
        let clock = Clock::system();
        Ok(ElectionFacts {
            capabilities: space.open(&clock).await?.capabilities(),
            given_clocks: space.goes_by_given_clocks(),
            apart: space.open_apart(&clock).await?.is_some(),
        })
    }

    fn trial(
        harness: &Arc<dyn ElectionHarness>,
        twist: Option<Arc<dyn ElectionTwist>>,
        seed: u64,
    ) -> ElectionTrial {
        ElectionTrial::new(Arc::clone(harness), twist, seed)
    }

    async fn clean(trial: &ElectionTrial) -> Outcome {
        trial.clean().await
    }
}

/// A leader can be frozen.
fn freezes(facts: &ElectionFacts) -> Option<&'static str> {
    match (facts.apart, facts.capabilities.reach) {
        (true, _) => None,
        (false, Reach::Process) => Some("reach = process: no other process leads"),
        (false, _) => Some("no way to freeze a leader"),
    }
}

/// The suite's clock is the one that leases run out by.
fn given_clocks(facts: &ElectionFacts) -> Option<&'static str> {
    (!facts.given_clocks).then_some("no manual clock: leases run out by another")
}

/// Nodes have clocks of their own.
fn many_clocks(facts: &ElectionFacts) -> Option<&'static str> {
    (facts.capabilities.reach == Reach::Process)
        .then_some("reach = process: there is one clock only")
}

/// The backend knows whether a holder lives.
fn proves_death(facts: &ElectionFacts) -> Option<&'static str> {
    (!facts.capabilities.proves_death).then_some("proves_death = false")
}
