use async_trait::async_trait;
use parking_lot::Mutex;

use super::Election;
use super::parts::{win, within};
use super::trial::ElectionTrial;
use super::twist::ElectionTwist;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure_eq};
use crate::conformance::parts::{candidate, node};
use crate::election::{Candidate, ElectionBackend, Leadership};
use crate::error::Result;
use crate::words::{Epoch, NodeId};

pub(super) fn cases() -> Vec<Case<Election>> {
    vec![
        case!(
            a_named_successor_goes_first,
            ["EL-2"],
            needs [],
            twin ForgetsTheSuccessor
        ),
        case!(
            without_the_successor_another_takes_over,
            ["EL-2"],
            needs [],
            twin WaitsForTheSuccessor::default()
        ),
    ]
}

/// Resigns in favour of whoever comes first.
struct ForgetsTheSuccessor;

#[async_trait]
impl ElectionTwist for ForgetsTheSuccessor {
    async fn resign(
        &self,
        leadership: Box<dyn Leadership>,
        _successor: Option<&NodeId>,
    ) -> Result<()> {
        leadership.resign(None).await
    }
}

async fn a_named_successor_goes_first(trial: &ElectionTrial) -> Outcome {
    for round in 0..5 {
        let place = trial.fresh().await?;
        let first = win(&*place.open().await?, "a", 0).await?;
        let (other, named) = (place.open().await?, place.open().await?);
        let (b, c) = (candidate("b"), candidate("c"));
        let race = async {
            tokio::select! {
                biased;
                won = other.campaign(&b, Epoch::ZERO) => won,
                won = named.campaign(&c, Epoch::ZERO) => won,
            }
        };
        let resign = first.resign(Some(&c.node));
        let race = within("the successor's term", race);
        let (won, resigned) = tokio::join!(race, resign);
        resigned?;
        let holder = won??.token().holder.clone();
        ensure_eq!(holder, c.node, "who came after in round {round}");
    }
    Ok(())
}

/// Keeps the seat for the successor, for ever.
#[derive(Default)]
struct WaitsForTheSuccessor(Mutex<Option<NodeId>>);

#[async_trait]
impl ElectionTwist for WaitsForTheSuccessor {
    async fn campaign(
        &self,
        election: &dyn ElectionBackend,
        candidate: &Candidate,
        at_least: Epoch,
    ) -> Result<Box<dyn Leadership>> {
        let named = self.0.lock().clone();
        if named.is_some_and(|named| named != candidate.node) {
            return std::future::pending().await;
        }
        election.campaign(candidate, at_least).await
    }

    async fn resign(
        &self,
        leadership: Box<dyn Leadership>,
        successor: Option<&NodeId>,
    ) -> Result<()> {
        *self.0.lock() = successor.cloned();
        leadership.resign(successor).await
    }
}

async fn without_the_successor_another_takes_over(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let first = win(&*place.open().await?, "a", 0).await?;
    first.resign(Some(&node("gone"))).await?;
    let next = win(&*place.open().await?, "b", 0).await?;
    ensure_eq!(next.token().epoch, Epoch(2), "the next term's epoch");
    Ok(())
}
