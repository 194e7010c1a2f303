use async_trait::async_trait;

use super::Snapshots;
use super::parts::{after, proposal};
use super::trial::SnapshotTrial;
use super::twist::SnapshotTwist;
use crate::conformance::case::{Case, case};
use crate::conformance::claims;
use crate::conformance::failure::{Outcome, ensure_eq};
use crate::conformance::parts::{cluster, ensure_refused, node, stranger, token};
use crate::error::{ErrorKind, Result};
use crate::snapshot::{
    ATTESTATION_FORMAT, Attestation, CatalogEntry, Manifest, SnapshotStore, Won,
};
use crate::words::{Digest, FenceToken, Fingerprint};

pub(super) fn cases() -> Vec<Case<Snapshots>> {
    vec![
        case!(
            of_two_clusters_that_claim_a_store_one_wins,
            ["ST-1", "h20"],
            needs [],
            twin TakesEverybodyIn
        ),
        case!(
            h20_what_is_of_another_cluster_is_foreign,
            ["ST-2", "SS-7", "h20"],
            needs [],
            twin TakesForeigners
        ),
    ]
}

fn never_foreign(answer: Result<()>) -> Result<()> {
    match answer {
        Err(error) if *error.kind() == ErrorKind::Foreign => Ok(()),
        answer => answer,
    }
}

/// Lets every cluster have the store.
struct TakesEverybodyIn;

#[async_trait]
impl SnapshotTwist for TakesEverybodyIn {
    async fn init(&self, store: &dyn SnapshotStore, cluster: Fingerprint) -> Result<()> {
        never_foreign(store.init(cluster).await)
    }
}

/// Looks at no fingerprint once it has one.
struct TakesForeigners;

#[async_trait]
impl SnapshotTwist for TakesForeigners {
    async fn propose(&self, store: &dyn SnapshotStore, manifest: &Manifest) -> Result<()> {
        never_foreign(store.propose(manifest).await)
    }

    async fn attest(&self, store: &dyn SnapshotStore, attestation: &Attestation) -> Result<()> {
        never_foreign(store.attest(attestation).await)
    }

    async fn win_entry(
        &self,
        store: &dyn SnapshotStore,
        token: &FenceToken,
        next: CatalogEntry,
    ) -> Result<Won> {
        let mut ours = token.clone();
        ours.cluster = store.fingerprint().await?.unwrap_or(token.cluster);
        store.win_entry(&ours, next).await
    }
}

async fn of_two_clusters_that_claim_a_store_one_wins(trial: &SnapshotTrial) -> Outcome {
    for _ in 0..claims::ROUNDS {
        let place = trial.blank().await?;
        let (a, b) = (place.open().await?, place.open().await?);
        let winner = claims::of_two_one_wins(a, b).await?;
        let found = place.open().await?.fingerprint().await?;
        ensure_eq!(found, Some(winner), "the fingerprint");
    }
    Ok(())
}

async fn h20_what_is_of_another_cluster_is_foreign(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let store = place.open().await?;
    store.init(cluster()).await?;
    let foreign = ErrorKind::Foreign;
    let late = store.init(stranger()).await;
    ensure_refused(late, &foreign, "another cluster's init")?;

    let ours = proposal(&*store, 5).await?;
    let mut theirs = ours.clone();
    theirs.cluster = stranger();
    let proposed = store.propose(&theirs).await;
    ensure_refused(proposed, &foreign, "another cluster's manifest")?;
    let attestation = Attestation {
        format: ATTESTATION_FORMAT,
        cluster: stranger(),
        snapshot: ours.id.clone(),
        holder: node("b"),
        digest: Digest(1),
    };
    let attested = store.attest(&attestation).await;
    ensure_refused(attested, &foreign, "another cluster's attestation")?;
    let mut token = token(1);
    token.cluster = stranger();
    let mut entry = after(None, &token);
    for theirs in [cluster(), stranger()] {
        entry.cluster = theirs;
        let won = store.win_entry(&token, entry.clone()).await;
        ensure_refused(won, &foreign, "another cluster's entry")?;
    }

    let store = place.open().await?;
    ensure_eq!(store.fingerprint().await?, Some(cluster()), "the owner");
    ensure_eq!(store.newest().await?, None, "the newest entry");
    ensure_eq!(store.attested(&ours.id).await?, None, "what is attested");
    ensure_eq!(
        *store.open(&ours.id).await?.manifest(),
        ours,
        "the manifest"
    );
    Ok(())
}
