use std::collections::BTreeSet;
use std::sync::Arc;

use super::Snapshots;
use super::parts::{ForgetsItsNonce, TakesAnyEntry, after, list, proposal, retire, try_win, win};
use super::trial::SnapshotTrial;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure_eq};
use crate::conformance::parts::{ensure_refused, node, token};
use crate::conformance::threads::{beside, join};
use crate::error::ErrorKind;
use crate::snapshot::{CatalogEntry, SnapshotStore, Won};
use crate::words::Epoch;

pub(super) fn cases() -> Vec<Case<Snapshots>> {
    vec![
        case!(
            h05_of_twenty_racers_for_an_entry_one_wins_and_all_agree,
            ["SS-2", "h05", "h24"],
            needs [],
            twin TakesAnyEntry
        ),
        case!(
            h01_an_entry_on_one_of_a_higher_epoch_is_fenced,
            ["SS-3", "h01", "h07"],
            needs [],
            twin TakesAnyEntry
        ),
        case!(
            h19_the_epoch_of_the_catalog_never_falls,
            ["SS-3", "h19"],
            needs [],
            twin TakesAnyEntry
        ),
        case!(
            h02_no_old_leader_wins_after_everything_was_collected,
            ["SS-3", "SS-5", "h02"],
            needs [],
            twin TakesAnyEntry
        ),
        case!(
            an_entry_is_the_token_holders_own,
            ["SS-3"],
            needs [],
            twin TakesAnyEntry
        ),
        case!(
            h03_an_entry_that_is_sent_again_is_won_again,
            ["SS-2", "h03"],
            needs [],
            twin ForgetsItsNonce
        ),
    ]
}

async fn h05_of_twenty_racers_for_an_entry_one_wins_and_all_agree(
    trial: &SnapshotTrial,
) -> Outcome {
    let place = trial.fresh().await?;
    for round in 1..=5 {
        let base = place.open().await?.newest().await?;
        let mut racers = Vec::new();
        for racer in 0..20 {
            let store = place.open().await?;
            let mut next = after(base.as_ref(), &token(1));
            next.nonce = format!("racer-{racer}");
            racers.push(beside(async move {
                let won = store.win_entry(&token(1), next).await?;
                Ok((won, store.newest().await?))
            }));
        }
        let (mut winners, mut seen) = (0, BTreeSet::new());
        for racer in racers {
            let (won, newest) = join(racer)?;
            winners += u32::from(won != Won::No);
            let newest = newest.map(|entry| (entry.number, entry.nonce));
            seen.insert(newest.unwrap_or_default());
        }
        ensure_eq!(winners, 1, "how many won entry {round}");
        let numbers: Vec<_> = seen.iter().map(|(number, _)| *number).collect();
        ensure_eq!(numbers, [round], "the newest that the racers saw");
    }
    Ok(())
}

async fn h01_an_entry_on_one_of_a_higher_epoch_is_fenced(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let store = place.open().await?;
    let fenced = ErrorKind::Fenced;
    let first = win(&*store, 2, |_| {}).await?;
    let late = try_win(&*store, 1, |_| {}).await;
    ensure_refused(late, &fenced, "an entry of epoch 1 on one of epoch 2")?;
    win(&*store, 2, |_| {}).await?;
    win(&*place.open().await?, 3, |_| {}).await?;
    // It lost the number to a higher epoch, and need not read the newest to know.
    let mut late = after(Some(&first), &token(2));
    late.nonce = String::from("late");
    late.number = 3;
    for store in [&store, &place.open().await?] {
        let won = store.win_entry(&token(2), late.clone()).await;
        ensure_refused(won, &fenced, "an entry whose number a higher epoch has")?;
        let newest = store.newest().await?;
        let newest = newest.map(|entry| (entry.number, entry.epoch));
        ensure_eq!(newest, Some((3, Epoch(3))), "the newest entry");
    }
    Ok(())
}

async fn h19_the_epoch_of_the_catalog_never_falls(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let mut newest = None;
    for epoch in [3, 3, 7, 5, 1, 7, 6, 9, 8] {
        let store = place.open().await?;
        let answer = try_win(&*store, epoch, |_| {}).await;
        if Some(epoch) < newest {
            let what = format!("epoch {epoch} after {}", newest.unwrap_or_default());
            ensure_refused(answer, &ErrorKind::Fenced, &what)?;
        } else {
            ensure_eq!(answer? == Won::No, false, "whether epoch {epoch} lost");
            newest = Some(epoch);
        }
        let found = store.newest().await?.map(|entry| entry.epoch.0);
        ensure_eq!(found, newest, "the epoch of the catalog");
    }
    Ok(())
}

/// The zombie knows the catalog as it was; of the snapshots in it nothing is left.
async fn h02_no_old_leader_wins_after_everything_was_collected(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let zombie = place.open().await?;
    let old = proposal(&*zombie, 5).await?;
    let known = win(&*zombie, 1, |entry| list(entry, &old)).await?;
    let late = proposal(&*zombie, 9).await?;

    let store = place.open().await?;
    let nothing_left = |entry: &mut CatalogEntry| {
        retire(entry, &old);
        entry.oldest_upload = entry.number;
    };
    let last = win(&*store, 2, nothing_left).await?;
    store.collect(&last).await?;
    ensure_eq!(store.proposals().await?, [], "what is left");

    let mut next = after(Some(&known), &token(1));
    list(&mut next, &late);
    let won = zombie.win_entry(&token(1), next).await;
    ensure_refused(won, &ErrorKind::Fenced, "a zombie's entry")?;
    let won = try_win(&*zombie, 1, |entry| list(entry, &late)).await;
    ensure_refused(won, &ErrorKind::Fenced, "a zombie's entry on the newest")?;
    let first = after(None, &token(1));
    let won = zombie.win_entry(&token(1), first).await?;
    ensure_eq!(won, Won::No, "the answer to a zombie's first entry");
    let newest = place.open().await?.newest().await?;
    ensure_eq!(newest, Some(last), "the newest entry");
    Ok(())
}

/// Makes an entry what it must not be.
type Change = fn(&mut CatalogEntry);

async fn an_entry_is_the_token_holders_own(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let store = place.open().await?;
    let wrong: [(&str, Change); 5] = [
        ("of another epoch than its token", |e| e.epoch = Epoch(9)),
        ("of another leader than its token", |e| e.writer = node("b")),
        ("without a nonce", |e| e.nonce.clear()),
        ("with number 0", |e| e.number = 0),
        ("of another format", |e| e.format += 1),
    ];
    for (what, change) in wrong {
        let won = try_win(&*store, 1, change).await;
        ensure_refused(won, &ErrorKind::Invalid, &format!("an entry {what}"))?;
    }
    ensure_eq!(store.newest().await?, None, "the newest entry");
    Ok(())
}

async fn h03_an_entry_that_is_sent_again_is_won_again(trial: &SnapshotTrial) -> Outcome {
    let place = trial.fresh().await?;
    let listed = proposal(&*place.open().await?, 5).await?;
    let mut first = after(None, &token(1));
    list(&mut first, &listed);
    let mut second = first.clone();
    second.nonce = String::from("another");
    for _ in 0..3 {
        let store: Arc<dyn SnapshotStore> = place.open().await?;
        let won = store.win_entry(&token(1), first.clone()).await?;
        ensure_eq!(won != Won::No, true, "whether our own entry is ours");
    }
    let store = place.open().await?;
    let won = store.win_entry(&token(1), second).await?;
    ensure_eq!(
        won,
        Won::No,
        "the answer to another of our own under the number"
    );
    // The answer stays what it was when nothing is left of what the entry listed.
    let last = win(&*store, 1, |entry| retire(entry, &listed)).await?;
    store.collect(&last).await?;
    let won = store.win_entry(&token(1), first).await?;
    ensure_eq!(won != Won::No, true, "whether our own entry is still ours");
    Ok(())
}
