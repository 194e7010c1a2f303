use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::parts::{LetsTwoLead, ensure_held, ensure_leads, win};
use super::trial::ElectionTrial;
use super::twist::ElectionTwist;
use super::{Election, freezes, proves_death};
use crate::clock::BootInstant;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Failure, Outcome, ensure, ensure_eq};
use crate::conformance::parts::cluster;
use crate::election::{Candidate, ElectionBackend, Leadership};
use crate::error::Result;
use crate::words::Epoch;

pub(super) fn cases() -> Vec<Case<Election>> {
    vec![
        case!(
            one_leads_and_the_others_wait,
            ["EL-2", "EL-3"],
            needs [],
            twin LetsTwoLead
        ),
        case!(
            h19_an_epoch_is_above_what_was_granted_and_what_was_asked_for,
            ["EL-1", "EL-8", "h19"],
            needs [],
            twin IgnoresAtLeast
        ),
        case!(
            a_candidate_that_gives_up_holds_nothing,
            ["EL-2"],
            needs [],
            twin KeepsTheCandidacy::default()
        ),
        case!(
            reopening_claims_a_higher_epoch_and_keeps_the_seat,
            ["EL-1", "EL-2", "EL-8"],
            needs [],
            twin ReopensNothing
        ),
        case!(
            a_killed_leader_is_replaced_without_waiting_for_its_lease,
            ["EL-2"],
            needs [freezes, proves_death],
            twin GrantsOnce::default()
        ),
    ]
}

async fn one_leads_and_the_others_wait(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let (a, b) = (place.open().await?, place.open().await?);
    ensure_eq!(a.epoch().await?, Epoch::ZERO, "the epoch at first");
    let before = place.clock().now();
    let first = win(&*a, "a", 0).await?;
    ensure_eq!(first.token().cluster, cluster(), "the token's cluster");
    ensure_held(trial, &*b, "b").await?;
    first.confirm().await?;
    ensure_leads(&*b, first.token().epoch).await?;
    let validity = first.validity();
    let until = *validity.borrow();
    ensure!(until > before, "the leader does not believe that it leads");
    let latest = place.clock().now().plus(place.ttl());
    ensure!(
        until < latest,
        "the leader believes for longer than its ttl, `ttl` of its table: {:?}",
        place.ttl()
    );
    first.resign(None).await?;
    let left = *validity.borrow();
    ensure_eq!(left, BootInstant::NEVER, "the validity of one that left");
    let second = win(&*b, "b", 0).await?;
    ensure_held(trial, &*a, "a").await?;
    second.confirm().await?;
    Ok(())
}

/// Claims the next epoch, whatever other stores have seen.
struct IgnoresAtLeast;

#[async_trait]
impl ElectionTwist for IgnoresAtLeast {
    async fn campaign(
        &self,
        election: &dyn ElectionBackend,
        candidate: &Candidate,
        _at_least: Epoch,
    ) -> Result<Box<dyn Leadership>> {
        election.campaign(candidate, Epoch::ZERO).await
    }
}

async fn h19_an_epoch_is_above_what_was_granted_and_what_was_asked_for(
    trial: &ElectionTrial,
) -> Outcome {
    let place = trial.fresh().await?;
    for (at_least, wanted) in [(0, 1), (6, 7), (3, 8), (8, 9), (1000, 1001), (0, 1002)] {
        let election = place.open().await?;
        let leadership = win(&*election, "a", at_least).await?;
        let granted = leadership.token().epoch;
        ensure_eq!(granted, Epoch(wanted), "the epoch above {at_least}");
        ensure_eq!(election.epoch().await?, granted, "the highest epoch");
        leadership.resign(None).await?;
        let kept = place.open().await?.epoch().await?;
        ensure_eq!(kept, granted, "the highest epoch after the term");
    }
    Ok(())
}

/// A candidate that went away has the seat all the same, for ever.
#[derive(Default)]
struct KeepsTheCandidacy(AtomicBool);

/// Says that a campaign was given up, unless it is told that it was not.
struct Campaigning<'a>(&'a AtomicBool, bool);

impl Drop for Campaigning<'_> {
    fn drop(&mut self) {
        if self.1 {
            self.0.store(true, Ordering::Release);
        }
    }
}

#[async_trait]
impl ElectionTwist for KeepsTheCandidacy {
    async fn campaign(
        &self,
        election: &dyn ElectionBackend,
        candidate: &Candidate,
        at_least: Epoch,
    ) -> Result<Box<dyn Leadership>> {
        if self.0.load(Ordering::Acquire) {
            return std::future::pending().await;
        }
        let mut campaigning = Campaigning(&self.0, true);
        let answer = election.campaign(candidate, at_least).await;
        campaigning.1 = false;
        answer
    }
}

async fn a_candidate_that_gives_up_holds_nothing(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let (a, b) = (place.open().await?, place.open().await?);
    let first = win(&*a, "a", 0).await?;
    ensure_held(trial, &*b, "b").await?;
    first.resign(None).await?;
    let again = win(&*a, "a", 0).await?;
    again.confirm().await?;
    Ok(())
}

/// Says that it claimed an epoch, and did not.
struct ReopensNothing;

#[async_trait]
impl ElectionTwist for ReopensNothing {
    async fn reopen(&self, _leadership: &mut dyn Leadership, _at_least: Epoch) -> Result<()> {
        Ok(())
    }
}

async fn reopening_claims_a_higher_epoch_and_keeps_the_seat(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let (a, b) = (place.open().await?, place.open().await?);
    let mut leadership = win(&*a, "a", 0).await?;
    leadership.announce().await?;
    let old = leadership.token().clone();
    leadership.reopen(Epoch(9)).await?;
    let new = leadership.token().clone();
    ensure_eq!(new.epoch, Epoch(10), "the epoch above 9");
    ensure!(new.nonce != old.nonce, "both epochs have one nonce");
    ensure_eq!(b.epoch().await?, Epoch(10), "the highest epoch");
    leadership.confirm().await?;
    ensure_held(trial, &*b, "b").await?;
    ensure_leads(&*b, Epoch(10)).await?;
    leadership.reopen(Epoch(3)).await?;
    ensure_eq!(leadership.token().epoch, Epoch(11), "the epoch above 10");
    leadership.resign(None).await?;
    let next = win(&*b, "b", 0).await?;
    ensure_eq!(next.token().epoch, Epoch(12), "the next term's epoch");
    Ok(())
}

/// Grants a first term, and no second one.
#[derive(Default)]
struct GrantsOnce(AtomicBool);

#[async_trait]
impl ElectionTwist for GrantsOnce {
    async fn campaign(
        &self,
        election: &dyn ElectionBackend,
        candidate: &Candidate,
        at_least: Epoch,
    ) -> Result<Box<dyn Leadership>> {
        if self.0.swap(true, Ordering::AcqRel) {
            return std::future::pending().await;
        }
        election.campaign(candidate, at_least).await
    }
}

/// How often a leader is killed, until one is replaced before its lease was over: a slow machine may take longer than that.
const KILLS: usize = 5;

/// Where a clock is moved by hand it stands still here: no lease runs out.
async fn a_killed_leader_is_replaced_without_waiting_for_its_lease(
    trial: &ElectionTrial,
) -> Outcome {
    for _ in 0..KILLS {
        let place = trial.fresh().await?;
        let (a, process) = place.open_apart().await?;
        let b = place.open().await?;
        let killed = win(&*a, "a", 0).await?;
        let epoch = killed.token().epoch;
        let believed = *killed.validity().borrow();
        process.kill().await?;
        drop(killed);
        let next = win(&*b, "b", 0).await?;
        let early = place.clock().now() < believed;
        ensure!(next.token().epoch > epoch, "an epoch was granted twice");
        next.confirm().await?;
        if early {
            return Ok(());
        }
    }
    Err(Failure::new(format!(
        "of {KILLS} leaders that were killed none was replaced before its lease was over"
    )))
}
