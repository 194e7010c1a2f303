use async_trait::async_trait;

use super::documents::HidesDamage;
use super::parts::{list, proposal, win};
use super::trial::SnapshotTrial;
use super::twist::SnapshotTwist;
use super::{Snapshots, damaged};
use crate::conformance::case::{Case, case};
use crate::conformance::damage::Damage;
use crate::conformance::failure::{Failure, Outcome, ensure};
use crate::conformance::parts::ensure_refused;
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::{SnapshotId, SnapshotReader, SnapshotStore};

pub(super) fn cases() -> Vec<Case<Snapshots>> {
    vec![
        case!(
            h14_rot_is_corrupt_and_names_the_part,
            ["SS-7", "h14"],
            needs [damaged],
            twin HidesDamage
        ),
        case!(
            h23_what_a_later_version_wrote_is_told_as_such,
            ["SS-7", "h23"],
            needs [damaged],
            twin CallsItDamage
        ),
    ]
}

async fn h14_rot_is_corrupt_and_names_the_part(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let snapshot = proposal(&*place.open().await?, 5).await?;
    place.damage(Damage::Rot).await?;
    let store = place.open().await?;
    let reader = store.open(&snapshot.id).await?;
    for part in &snapshot.parts {
        for answer in [
            reader.read_part(part).await.map(drop),
            store.verify(&snapshot.id).await,
        ] {
            let Err(error) = answer else {
                return Err(Failure::new(format!("{part:?} is taken for sound")));
            };
            let told = error.to_string();
            ensure!(
                *error.kind() == ErrorKind::Corrupt && told.contains(&part.blake3),
                "the damage of {} is told as: {told}",
                part.blake3
            );
        }
    }
    Ok(())
}

/// Does not look at the version of what it cannot read.
struct CallsItDamage;

#[async_trait]
impl SnapshotTwist for CallsItDamage {
    async fn open(
        &self,
        store: &dyn SnapshotStore,
        id: &SnapshotId,
    ) -> Result<Box<dyn SnapshotReader>> {
        match store.open(id).await {
            Err(error) if *error.kind() == ErrorKind::Version => {
                Err(Error::new(ErrorKind::Corrupt, "open").context("it does not parse"))
            }
            answer => answer,
        }
    }
}

async fn h23_what_a_later_version_wrote_is_told_as_such(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let store = place.open().await?;
    let snapshot = proposal(&*store, 5).await?;
    win(&*store, 1, |entry| list(entry, &snapshot)).await?;
    place.damage(Damage::Newer).await?;
    let store = place.open().await?;
    let version = ErrorKind::Version;
    let opened = store.open(&snapshot.id).await;
    ensure_refused(opened, &version, "a manifest of a later version")?;
    let newest = store.newest().await;
    ensure_refused(newest, &version, "an entry of a later version")
}
