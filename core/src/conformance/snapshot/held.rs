use std::sync::Arc;

use super::collecting::KeepsOnlyTheListed;
use super::parts::{
    CollectsThePinned, ForgetsItsNonce, TakesAnyEntry, ensure_all_whole, ensure_whole, list,
    proposal, retire, try_win, win,
};
use super::scene::{Scene, lead, proposed, restore};
use super::trial::SnapshotTrial;
use super::{Snapshots, wired};
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Failure, Outcome, ensure};
use crate::conformance::threads::{beside, join};
use crate::error::ErrorKind;
use crate::snapshot::{CatalogEntry, Manifest, Won};

pub(super) fn cases() -> Vec<Case<Snapshots>> {
    vec![
        case!(
            h24_a_publisher_held_between_any_two_calls_is_listed_whole_or_not,
            ["SS-4", "SS-5", "h24"],
            needs [wired],
            twin TakesAnyEntry
        ),
        case!(
            h01_a_leader_held_between_any_two_calls_undoes_nothing,
            ["SS-2", "SS-3", "h01", "h07"],
            needs [wired],
            twin TakesAnyEntry
        ),
        case!(
            h11_a_restore_is_safe_from_a_collector_held_between_any_two_calls,
            ["SS-5", "SS-6", "h11"],
            needs [wired],
            twin CollectsThePinned
        ),
        case!(
            h11_a_restore_held_between_any_two_calls_keeps_what_it_relies_on,
            ["SS-5", "SS-6", "h11"],
            needs [wired],
            twin CollectsThePinned
        ),
        case!(
            h24_a_collector_held_between_any_two_calls_deletes_nothing_newer,
            ["SS-5", "h02", "h24"],
            needs [wired],
            twin KeepsOnlyTheListed::default()
        ),
        case!(
            h03_a_lost_answer_at_any_call_is_no_lost_entry,
            ["SS-1", "SS-2", "h03", "h04"],
            needs [wired],
            twin ForgetsItsNonce
        ),
    ]
}

async fn h24_a_publisher_held_between_any_two_calls_is_listed_whole_or_not(
    trial: &SnapshotTrial,
) -> Outcome {
    for call in 0.. {
        let when = format!("held at call {call}");
        let scene = Scene::set(trial).await?;
        let (publisher, leader) = (Arc::clone(&scene.store), scene.place.open().await?);
        let publish = async move { Ok(proposal(&*publisher, 10).await?) };
        let revoke = async {
            let entry = win(&*leader, 1, |entry| entry.oldest_upload = entry.number).await?;
            Ok(leader.collect(&entry).await?)
        };
        let (manifest, held) = scene.hold(call, publish, revoke).await?;
        match try_win(&*leader, 1, |entry| list(entry, &manifest)).await {
            Ok(Won::Yes(_)) => ensure_whole(&*leader, &manifest, &when).await?,
            Err(error) if held.is_some() && *error.kind() == ErrorKind::Invalid => {}
            Ok(Won::No) => return Err(Failure::new("nobody else is there, and it lost")),
            Err(error) => return Err(error.into()),
        }
        ensure_all_whole(&*scene.place.open().await?, &when).await?;
        if held.is_none() {
            return Ok(());
        }
    }
    Ok(())
}

async fn h01_a_leader_held_between_any_two_calls_undoes_nothing(trial: &SnapshotTrial) -> Outcome {
    for call in 0.. {
        let when = format!("held at call {call}");
        let scene = Scene::set(trial).await?;
        let (new, old) = proposed(&scene).await?;
        let (leader, successor) = (Arc::clone(&scene.store), scene.place.open().await?);
        let listing = (new.clone(), old);
        let leads = async move { Ok(lead(leader, 1, listing).await) };
        let succeeds = async {
            let newest = proposal(&*successor, 20).await?;
            win(&*successor, 2, |entry| list(entry, &newest)).await?;
            Ok(newest)
        };
        let (led, newest) = scene.hold(call, leads, succeeds).await?;
        let entry = scene.place.open().await?.newest().await?;
        let lists = |manifest: &Manifest| {
            let entry = entry.as_ref();
            entry.is_some_and(|entry| entry.find(&manifest.id).is_some())
        };
        match &led {
            Ok(Won::Yes(_)) => ensure!(lists(&new), "{when}: its entry was won, and is undone"),
            Err(error) if *error.kind() != ErrorKind::Fenced => {
                return Err(Failure::new(format!("{when}: it ended with {error}")));
            }
            Ok(Won::No) | Err(_) => ensure!(newest.is_some(), "{when}: it lost to nobody"),
        }
        if let Some(newest) = &newest {
            ensure!(lists(newest), "{when}: the successor's entry is undone");
        }
        ensure_all_whole(&*successor, &when).await?;
        if newest.is_none() {
            return Ok(());
        }
    }
    Ok(())
}

async fn h11_a_restore_is_safe_from_a_collector_held_between_any_two_calls(
    trial: &SnapshotTrial,
) -> Outcome {
    for call in 0.. {
        let when = format!("the collector was held at call {call}");
        let scene = Scene::set(trial).await?;
        let listing = proposed(&scene).await?;
        let (leader, restorer) = (Arc::clone(&scene.store), scene.place.open().await?);
        let leads = async move { Ok(lead(leader, 1, listing).await?) };
        let restores = restore(Arc::clone(&restorer), scene.old.clone(), when.clone());
        let (_, relies) = scene.hold(call, leads, restores).await?;
        if relies == Some(true) {
            ensure_whole(&*restorer, &scene.old, &when).await?;
        }
        ensure_all_whole(&*restorer, &when).await?;
        if relies.is_none() {
            return Ok(());
        }
    }
    Ok(())
}

async fn h11_a_restore_held_between_any_two_calls_keeps_what_it_relies_on(
    trial: &SnapshotTrial,
) -> Outcome {
    for call in 0.. {
        let when = format!("the restore was held at call {call}");
        let scene = Scene::set(trial).await?;
        let listing = proposed(&scene).await?;
        let (restorer, leader) = (Arc::clone(&scene.store), scene.place.open().await?);
        let restores = restore(restorer, scene.old.clone(), when);
        let leads = async { Ok(lead(leader, 1, listing).await?) };
        let (_, led) = scene.hold(call, restores, leads).await?;
        if led.is_none() {
            return Ok(());
        }
    }
    Ok(())
}

async fn h24_a_collector_held_between_any_two_calls_deletes_nothing_newer(
    trial: &SnapshotTrial,
) -> Outcome {
    for call in 0.. {
        let when = format!("held at call {call}");
        let scene = Scene::set(trial).await?;
        let (collector, successor) = (Arc::clone(&scene.store), scene.place.open().await?);
        let young = proposal(&*successor, 7).await?;
        let entry = win(&*successor, 1, |entry| retire(entry, &scene.old)).await?;
        let collects = async move { Ok(collector.collect(&entry).await?) };
        let goes_on = async {
            let newer = proposal(&*successor, 20).await?;
            let change = |entry: &mut CatalogEntry| {
                list(entry, &young);
                list(entry, &newer);
            };
            win(&*successor, 2, change).await
        };
        let (_, newest) = scene.hold(call, collects, goes_on).await?;
        ensure_all_whole(&*successor, &when).await?;
        ensure_whole(&*successor, &young, &when).await?;
        if newest.is_none() {
            return Ok(());
        }
    }
    Ok(())
}

async fn h03_a_lost_answer_at_any_call_is_no_lost_entry(trial: &SnapshotTrial) -> Outcome {
    for call in 0.. {
        let when = format!("answer lost at call {call}");
        let scene = Scene::set(trial).await?;
        // Opening the handle may have been calls as well.
        let lost = scene.wire.calls() + call;
        scene.wire.lose_answer_at(lost);
        let (store, old) = (Arc::clone(&scene.store), scene.old.clone());
        let term = beside(async move {
            let new = proposal(&*store, 10).await?;
            Ok((lead(store, 1, (new.clone(), old)).await?, new))
        });
        let led = join(term);
        let other = scene.place.open().await?;
        let entry = other.newest().await?;
        let found = |new: &Manifest| entry.as_ref().is_some_and(|e| e.find(&new.id).is_some());
        // A failure may have been told as one; what was acknowledged is there.
        match led {
            Ok((Won::Yes(_), new)) => ensure!(found(&new), "{when}: the entry it won is lost"),
            Ok((Won::No, _)) => {
                return Err(Failure::new(format!(
                    "{when}: it says that another won, and nobody else is there"
                )));
            }
            Err(_told) => {}
        }
        ensure_all_whole(&*other, &when).await?;
        let next = proposal(&*other, 30).await?;
        win(&*other, 2, |entry| list(entry, &next)).await?;
        ensure_whole(&*other, &next, &when).await?;
        if scene.wire.calls() <= lost {
            ensure!(call > 2, "{call} calls are all: the wire does not count");
            return Ok(());
        }
    }
    Ok(())
}
