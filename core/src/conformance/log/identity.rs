use async_trait::async_trait;

use super::Log;
use super::parts::ensure_refused;
use super::trial::LogTrial;
use super::twist::LogTwist;
use crate::conformance::case::{Case, case};
use crate::conformance::claims;
use crate::conformance::failure::{Outcome, ensure, ensure_eq};
use crate::conformance::parts::{cluster, stranger, token};
use crate::error::{ErrorKind, Result};
use crate::oplog::{OpLogStore, OpLogWriter};
use crate::words::{FenceToken, Fingerprint};

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![
        case!(
            of_two_clusters_that_claim_a_log_one_wins,
            ["ST-1", "h20"],
            needs [],
            twin TakesEverybodyIn
        ),
        case!(
            h20_the_data_of_another_cluster_are_foreign,
            ["ST-2", "OL-10", "h20"],
            needs [],
            twin TakesEverybodyIn
        ),
    ]
}

/// Lets every cluster have the log.
struct TakesEverybodyIn;

#[async_trait]
impl LogTwist for TakesEverybodyIn {
    async fn init(&self, store: &dyn OpLogStore, cluster: Fingerprint) -> Result<()> {
        match store.init(cluster).await {
            Err(error) if *error.kind() == ErrorKind::Foreign => Ok(()),
            answer => answer,
        }
    }

    async fn open_writer(
        &self,
        store: &dyn OpLogStore,
        token: &FenceToken,
    ) -> Result<Box<dyn OpLogWriter>> {
        let mut ours = token.clone();
        ours.cluster = store.fingerprint().await?.unwrap_or(token.cluster);
        store.open_writer(&ours).await
    }
}

async fn of_two_clusters_that_claim_a_log_one_wins(trial: &LogTrial) -> Outcome {
    for _ in 0..claims::ROUNDS {
        let log = trial.blank().await?;
        let (a, b) = (log.open().await?, log.open().await?);
        let winner = claims::of_two_one_wins(a, b).await?;
        let found = log.open().await?.fingerprint().await?;
        ensure_eq!(found, Some(winner), "the fingerprint");
    }
    Ok(())
}

async fn h20_the_data_of_another_cluster_are_foreign(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    ensure_eq!(
        store.fingerprint().await?,
        Some(cluster()),
        "the fingerprint"
    );
    store.init(cluster()).await?;
    let late = store.init(stranger()).await;
    ensure_refused(late, &ErrorKind::Foreign, "another cluster's init")?;
    let mut foreign = token(1);
    foreign.cluster = stranger();
    let writer = store.open_writer(&foreign).await;
    ensure_refused(writer, &ErrorKind::Foreign, "another cluster's writer")?;
    ensure_eq!(
        store.fingerprint().await?,
        Some(cluster()),
        "the fingerprint"
    );
    let epoch = store.bounds().await?.epoch;
    ensure!(
        epoch.0 == 0,
        "another cluster's token moved the fence to epoch {epoch}"
    );
    Ok(())
}
