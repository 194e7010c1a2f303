use async_trait::async_trait;

use super::Election;
use super::trial::ElectionTrial;
use super::twist::ElectionTwist;
use crate::conformance::case::{Case, case};
use crate::conformance::claims;
use crate::conformance::failure::{Outcome, ensure_eq};
use crate::conformance::parts::{cluster, ensure_refused, stranger};
use crate::election::ElectionBackend;
use crate::error::{ErrorKind, Result};
use crate::words::Fingerprint;

pub(super) fn cases() -> Vec<Case<Election>> {
    vec![
        case!(
            of_two_clusters_that_claim_an_election_one_wins,
            ["ST-1", "h20"],
            needs [],
            twin TakesEverybodyIn
        ),
        case!(
            h20_an_election_of_another_cluster_is_foreign,
            ["ST-2", "h20"],
            needs [],
            twin TakesEverybodyIn
        ),
    ]
}

/// Lets every cluster have the election.
struct TakesEverybodyIn;

#[async_trait]
impl ElectionTwist for TakesEverybodyIn {
    async fn init(&self, election: &dyn ElectionBackend, cluster: Fingerprint) -> Result<()> {
        match election.init(cluster).await {
            Err(error) if *error.kind() == ErrorKind::Foreign => Ok(()),
            answer => answer,
        }
    }
}

async fn of_two_clusters_that_claim_an_election_one_wins(trial: &ElectionTrial) -> Outcome {
    for _ in 0..claims::ROUNDS {
        let place = trial.blank().await?;
        let (a, b) = (place.open().await?, place.open().await?);
        let winner = claims::of_two_one_wins(a, b).await?;
        let found = place.open().await?.fingerprint().await?;
        ensure_eq!(found, Some(winner), "the fingerprint");
    }
    Ok(())
}

async fn h20_an_election_of_another_cluster_is_foreign(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let election = place.open().await?;
    election.init(cluster()).await?;
    let late = election.init(stranger()).await;
    ensure_refused(late, &ErrorKind::Foreign, "another cluster's init")?;
    let found = place.open().await?.fingerprint().await?;
    ensure_eq!(found, Some(cluster()), "the fingerprint");
    Ok(())
}
