use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use super::Snapshots;
use super::parts::{ensure_whole, is_there, manifest, proposal, unknown_part, upload};
use super::trial::SnapshotTrial;
use super::twist::SnapshotTwist;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Failure, Outcome, ensure, ensure_eq};
use crate::conformance::parts::{cluster, ensure_refused, node};
use crate::error::{ErrorKind, Result};
use crate::snapshot::{
    ATTESTATION_FORMAT, Attestation, Manifest, PartRef, SnapshotId, SnapshotReader, SnapshotStore,
};
use crate::words::{Digest, Seq};

pub(super) fn cases() -> Vec<Case<Snapshots>> {
    vec![
        case!(
            what_is_stored_under_a_name_never_changes,
            ["SS-1"],
            needs [],
            twin TakesAnotherManifest
        ),
        case!(
            of_several_attestations_the_first_stays,
            ["SS-8", "SS-1"],
            needs [],
            twin TheLastStays::default()
        ),
        case!(
            damage_is_corrupt_and_names_the_part,
            ["SS-7"],
            needs [],
            twin HidesDamage
        ),
    ]
}

/// Says yes to another manifest under a name that is taken.
struct TakesAnotherManifest;

#[async_trait]
impl SnapshotTwist for TakesAnotherManifest {
    async fn propose(&self, store: &dyn SnapshotStore, manifest: &Manifest) -> Result<()> {
        match store.propose(manifest).await {
            Err(error) if *error.kind() == ErrorKind::AlreadyExists => Ok(()),
            answer => answer,
        }
    }
}

async fn what_is_stored_under_a_name_never_changes(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let store = place.open().await?;
    let unknown = SnapshotId::new(Seq(1), 1);
    let opened = store.open(&unknown).await;
    ensure_refused(opened, &ErrorKind::NotFound, "opening what is not there")?;
    let first = proposal(&*store, 5).await?;
    store.propose(&first).await?;
    let mut other = first.clone();
    other.created_ms += 1;
    for store in [&store, &place.open().await?] {
        let proposed = store.propose(&other).await;
        let what = "another manifest under the same name";
        ensure_refused(proposed, &ErrorKind::AlreadyExists, what)?;
        ensure!(
            is_there(&**store, &first).await?,
            "the proposal is not told"
        );
        ensure_whole(&**store, &first, "after a second proposal").await?;
    }
    Ok(())
}

/// Takes the word of whoever came last.
#[derive(Default)]
struct TheLastStays(Mutex<Option<Attestation>>);

#[async_trait]
impl SnapshotTwist for TheLastStays {
    async fn attest(&self, store: &dyn SnapshotStore, attestation: &Attestation) -> Result<()> {
        *self.0.lock() = Some(attestation.clone());
        store.attest(attestation).await
    }

    async fn attested(
        &self,
        _store: &dyn SnapshotStore,
        _id: &SnapshotId,
    ) -> Result<Option<Attestation>> {
        Ok(self.0.lock().clone())
    }
}

async fn of_several_attestations_the_first_stays(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let store = place.open().await?;
    let snapshot = proposal(&*store, 5).await?;
    ensure_eq!(
        store.attested(&snapshot.id).await?,
        None,
        "what is attested"
    );
    let first = Attestation {
        format: ATTESTATION_FORMAT,
        cluster: cluster(),
        snapshot: snapshot.id.clone(),
        holder: node("b"),
        digest: snapshot.digest,
    };
    let mut second = first.clone();
    second.holder = node("c");
    second.digest = Digest(99);
    for attestation in [&first, &first, &second] {
        store.attest(attestation).await?;
        let found = place.open().await?.attested(&snapshot.id).await?;
        ensure_eq!(found, Some(first.clone()), "what is attested");
    }
    ensure_eq!(store.newest().await?, None, "the newest entry");
    Ok(())
}

/// Gives zeros where bytes are missing or altered.
pub(super) struct HidesDamage;

#[async_trait]
impl SnapshotTwist for HidesDamage {
    async fn verify(&self, store: &dyn SnapshotStore, id: &SnapshotId) -> Result<()> {
        match store.verify(id).await {
            Err(error) if *error.kind() == ErrorKind::Corrupt => Ok(()),
            answer => answer,
        }
    }

    async fn read_part(&self, reader: &dyn SnapshotReader, part: &PartRef) -> Result<Bytes> {
        match reader.read_part(part).await {
            Err(error) if *error.kind() == ErrorKind::Corrupt => Ok(Bytes::new()),
            answer => answer,
        }
    }
}

/// The manifest says of a part what is not so: it is not there, longer, or other bytes.
async fn damage_is_corrupt_and_names_the_part(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let store = place.open().await?;
    let sound = proposal(&*store, 5).await?;
    ensure_whole(&*store, &sound, "at first").await?;
    let (upload, part) = upload(&*store, 7).await?;
    let missing = unknown_part(upload.began_on, upload.random);
    let mut longer = part.clone();
    longer.size += 1;
    let mut altered = part;
    altered.crc32c ^= 4;
    for (seq, wrong) in (10..).zip([missing, longer, altered]) {
        let damaged = manifest(seq, upload.random, vec![wrong.clone()]);
        store.propose(&damaged).await?;
        let reader = store.open(&damaged.id).await?;
        for answer in [
            reader.read_part(&wrong).await.map(drop),
            store.verify(&damaged.id).await,
        ] {
            let Err(error) = answer else {
                return Err(Failure::new(format!("{wrong:?} is taken for sound")));
            };
            let told = error.to_string();
            ensure!(
                *error.kind() == ErrorKind::Corrupt && told.contains(&wrong.blake3),
                "the damage of {} is told as: {told}",
                wrong.blake3
            );
        }
    }
    ensure_whole(&*store, &sound, "in the end").await
}
