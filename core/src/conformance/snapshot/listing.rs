use super::Snapshots;
use super::parts::{
    TakesAnyEntry, ensure_whole, list, manifest, proposal, retire, try_win, unknown_part, upload,
    win,
};
use super::trial::SnapshotTrial;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure_eq};
use crate::conformance::parts::ensure_refused;
use crate::error::ErrorKind;
use crate::snapshot::{CatalogEntry, SnapshotStore};
use crate::words::Seq;

pub(super) fn cases() -> Vec<Case<Snapshots>> {
    vec![
        case!(
            an_entry_lists_what_its_manifests_say,
            ["SS-4"],
            needs [],
            twin TakesAnyEntry
        ),
        case!(
            what_was_revoked_is_not_listed,
            ["SS-4", "h24"],
            needs [],
            twin TakesAnyEntry
        ),
        case!(
            a_part_is_reused_only_while_a_listed_snapshot_refers_to_it,
            ["SS-4"],
            needs [],
            twin TakesAnyEntry
        ),
        case!(
            a_snapshot_whose_own_upload_was_revoked_is_not_listed,
            ["SS-4"],
            needs [],
            twin TakesAnyEntry
        ),
        case!(
            what_is_retired_never_comes_back,
            ["SS-4", "h24"],
            needs [],
            twin TakesAnyEntry
        ),
    ]
}

/// Ends the case unless the entry after the newest is `Invalid` as `change` makes it.
async fn ensure_invalid(
    store: &dyn SnapshotStore,
    what: &str,
    change: impl FnOnce(&mut CatalogEntry) + Send,
) -> Outcome {
    let before = store.newest().await?;
    let won = try_win(store, 1, change).await;
    ensure_refused(won, &ErrorKind::Invalid, what)?;
    ensure_eq!(store.newest().await?, before, "the newest entry");
    Ok(())
}

async fn an_entry_lists_what_its_manifests_say(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let store = &*place.open().await?;
    win(store, 1, |_| {}).await?;
    let good = proposal(store, 10).await?;
    let at_another_seq = |entry: &mut CatalogEntry| {
        list(entry, &good);
        if let Some(listed) = entry.snapshots.first_mut() {
            listed.position.seq = Seq(11);
        }
    };
    ensure_invalid(store, "a snapshot listed at another Seq", at_another_seq).await?;
    let mut other = good.clone();
    other.digest.0 += 1;
    let what = "a snapshot listed with another digest";
    ensure_invalid(store, what, |entry| list(entry, &other)).await?;
    let unknown = manifest(12, 1, vec![unknown_part(1, 1)]);
    let what = "a snapshot without a manifest";
    ensure_invalid(store, what, |entry| list(entry, &unknown)).await?;
    let what = "an oldest_upload above the entry's own number";
    ensure_invalid(store, what, |entry| entry.oldest_upload = 9).await?;
    let entry = win(store, 1, |entry| list(entry, &good)).await?;
    ensure_eq!(entry.find(&good.id).is_some(), true, "whether it is listed");
    let what = "a line that was changed";
    let change = |entry: &mut CatalogEntry| {
        entry
            .snapshots
            .iter_mut()
            .for_each(|listed| listed.rows += 1);
    };
    ensure_invalid(store, what, change).await?;
    let verified = |entry: &mut CatalogEntry| {
        entry.snapshots.iter_mut().for_each(|l| l.verified = true);
    };
    win(store, 1, verified).await?;
    Ok(())
}

async fn what_was_revoked_is_not_listed(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let store = &*place.open().await?;
    let early = proposal(store, 5).await?;
    win(store, 1, |_| {}).await?;
    let good = proposal(store, 10).await?;
    let reused = manifest(11, 3, early.parts.clone());
    store.propose(&reused).await?;
    let revoke = |entry: &mut CatalogEntry| {
        entry.oldest_upload = 1;
        list(entry, &good);
    };
    win(store, 1, revoke).await?;
    for revoked in [&early, &reused] {
        let what = "a snapshot of a revoked upload";
        ensure_invalid(store, what, |entry| list(entry, revoked)).await?;
    }
    let what = "an oldest_upload that falls";
    ensure_invalid(store, what, |entry| entry.oldest_upload = 0).await?;
    ensure_whole(store, &good, "in the end").await
}

async fn a_part_is_reused_only_while_a_listed_snapshot_refers_to_it(
    trial: &SnapshotTrial,
) -> Outcome {
    let place = trial.fresh().await?;
    let store = &*place.open().await?;
    let base = proposal(store, 5).await?;
    win(store, 1, |entry| list(entry, &base)).await?;
    win(store, 1, |entry| entry.oldest_upload = 1).await?;
    let reuser = manifest(7, 1, base.parts.clone());
    let late = manifest(8, 2, base.parts.clone());
    store.propose(&reuser).await?;
    store.propose(&late).await?;
    let entry = win(store, 1, |entry| list(entry, &reuser)).await?;
    ensure_eq!(entry.snapshots.len(), 2, "how many are listed");
    let both = |entry: &mut CatalogEntry| {
        retire(entry, &base);
        retire(entry, &reuser);
    };
    win(store, 1, both).await?;
    let what = "a snapshot that reuses a part of a retired one";
    ensure_invalid(store, what, |entry| list(entry, &late)).await
}

/// That others keep its parts does not bring a snapshot back.
async fn a_snapshot_whose_own_upload_was_revoked_is_not_listed(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let store = &*place.open().await?;
    let first = proposal(store, 5).await?;
    let (own, part) = upload(store, 7).await?;
    let layered = manifest(7, own.random, vec![part]).on(first.clone());
    store.propose(&layered).await?;
    win(store, 1, |entry| list(entry, &layered)).await?;
    win(store, 1, |entry| entry.oldest_upload = 1).await?;
    let what = "a snapshot whose own upload was revoked";
    ensure_invalid(store, what, |entry| list(entry, &first)).await?;
    let (own, part) = upload(store, 9).await?;
    let later = manifest(9, own.random, vec![part]).on(layered);
    store.propose(&later).await?;
    let entry = win(store, 1, |entry| list(entry, &later)).await?;
    ensure_eq!(entry.snapshots.len(), 2, "how many are listed");
    ensure_whole(store, &later, "in the end").await
}

async fn what_is_retired_never_comes_back(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let store = &*place.open().await?;
    let snapshot = proposal(store, 5).await?;
    win(store, 1, |entry| list(entry, &snapshot)).await?;
    let what = "an entry from which a snapshot vanishes";
    ensure_invalid(store, what, |entry| entry.snapshots.clear()).await?;
    let half = |entry: &mut CatalogEntry| {
        entry.snapshots.clear();
        entry.retired.push(snapshot.id.clone());
    };
    let what = "an entry that retires without revoking the upload";
    ensure_invalid(store, what, half).await?;
    let both = |entry: &mut CatalogEntry| entry.retired.push(snapshot.id.clone());
    let what = "an entry that lists what it retires";
    ensure_invalid(store, what, both).await?;
    win(store, 1, |entry| retire(entry, &snapshot)).await?;
    let what = "a snapshot that was retired";
    ensure_invalid(store, what, |entry| list(entry, &snapshot)).await
}
