use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::parts::{ensure_held, ensure_leads, take_over, win};
use super::trial::ElectionTrial;
use super::twist::ElectionTwist;
use super::{Election, freezes, given_clocks};
use crate::clock::BootInstant;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure, ensure_eq};
use crate::conformance::parts::{cluster, ensure_refused, node};
use crate::election::{Leadership, TermRecord};
use crate::error::{Error, ErrorKind, Result};
use crate::words::{NodeId, Position};

pub(super) fn cases() -> Vec<Case<Election>> {
    vec![
        case!(
            h01_a_frozen_leader_is_replaced_when_it_believes_no_more,
            ["EL-2", "EL-3", "h01"],
            needs [freezes],
            twin CountsNoSleep
        ),
        case!(
            h17_a_leader_whose_machine_slept_believes_no_more,
            ["EL-3", "h17"],
            needs [freezes, given_clocks],
            twin CountsNoSleep
        ),
        case!(
            h07_a_lost_term_confirms_announces_and_publishes_nothing,
            ["EL-2", "EL-7", "EL-9", "h07"],
            needs [freezes],
            twin SaysYesWithoutATerm
        ),
        case!(
            resigning_a_lost_term_ends_no_successor,
            ["EL-5"],
            needs [freezes],
            twin EndsWhoeverLeads::default()
        ),
    ]
}

/// Counts its validity on a clock that stands still while the machine sleeps.
struct CountsNoSleep;

#[async_trait]
impl ElectionTwist for CountsNoSleep {
    fn validity(&self, leadership: &dyn Leadership) -> watch::Receiver<BootInstant> {
        let until = *leadership.validity().borrow();
        watch::channel(until.plus(Duration::from_hours(1))).1
    }
}

async fn h01_a_frozen_leader_is_replaced_when_it_believes_no_more(
    trial: &ElectionTrial,
) -> Outcome {
    let place = trial.fresh().await?;
    let (a, process) = place.open_apart().await?;
    let b = place.open().await?;
    let frozen = win(&*a, "a", 0).await?;
    process.freeze().await?;
    let validity = frozen.validity();
    if place.is_manual() {
        ensure_held(trial, &*b, "b").await?;
        let left = validity.borrow().since(place.clock().now());
        ensure!(left < place.ttl(), "it believes for {left:?}");
        place.clock().advance(left);
        ensure_held(trial, &*b, "b").await?;
    }
    let next = take_over(&place, &*b, "b").await?;
    let until = *validity.borrow();
    ensure!(
        until <= place.clock().now(),
        "another was granted the seat while the frozen leader believed"
    );
    ensure!(
        next.token().epoch > frozen.token().epoch,
        "an epoch was granted twice"
    );
    process.thaw().await?;
    next.confirm().await?;
    let confirmed = frozen.confirm().await;
    ensure_refused(confirmed, &ErrorKind::Fenced, "confirming a lost term")?;
    ensure!(
        *validity.borrow() <= place.clock().now(),
        "the thawed leader believes again"
    );
    Ok(())
}

async fn h17_a_leader_whose_machine_slept_believes_no_more(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let (a, process) = place.open_apart().await?;
    let slept = win(&*a, "a", 0).await?;
    process.freeze().await?;
    place.clock().advance(Duration::from_mins(10));
    let until = *slept.validity().borrow();
    let now = place.clock().now();
    ensure!(until <= now, "it believes for {:?} more", until.since(now));
    Ok(())
}

/// Takes every word of a leader for good.
struct SaysYesWithoutATerm;

fn never_fenced(answer: Result<()>) -> Result<()> {
    match answer {
        Err(error) if *error.kind() == ErrorKind::Fenced => Ok(()),
        answer => answer,
    }
}

#[async_trait]
impl ElectionTwist for SaysYesWithoutATerm {
    async fn confirm(&self, leadership: &dyn Leadership) -> Result<()> {
        never_fenced(leadership.confirm().await)
    }

    async fn announce(&self, leadership: &dyn Leadership) -> Result<()> {
        never_fenced(leadership.announce().await)
    }

    async fn publish(&self, leadership: &dyn Leadership, record: &TermRecord) -> Result<()> {
        never_fenced(leadership.publish(record).await)
    }
}

async fn h07_a_lost_term_confirms_announces_and_publishes_nothing(
    trial: &ElectionTrial,
) -> Outcome {
    let place = trial.fresh().await?;
    let (a, process) = place.open_apart().await?;
    let b = place.open().await?;
    let mut lost = win(&*a, "a", 0).await?;
    let record = |epoch| TermRecord {
        epoch,
        in_sync: Vec::new(),
        committed: Position::genesis(cluster()),
    };
    process.freeze().await?;
    let next = take_over(&place, &*b, "b").await?;
    let kept = record(next.token().epoch);
    next.publish(&kept).await?;
    next.announce().await?;
    process.thaw().await?;
    let fenced = ErrorKind::Fenced;
    ensure_refused(lost.confirm().await, &fenced, "confirming a lost term")?;
    ensure_refused(lost.announce().await, &fenced, "announcing a lost term")?;
    for epoch in [lost.token().epoch, next.token().epoch] {
        let published = lost.publish(&record(epoch)).await;
        ensure_refused(published, &fenced, "a record of a lost term")?;
    }
    let reopened = lost.reopen(next.token().epoch).await;
    ensure_refused(reopened, &fenced, "reopening a lost term")?;
    next.confirm().await?;
    ensure_eq!(b.term_record().await?, Some(kept), "the term record");
    ensure_eq!(b.announced().await?, next.token().epoch, "the announced");
    Ok(())
}

/// Whoever resigns ends the term of whoever leads.
#[derive(Default)]
struct EndsWhoeverLeads(AtomicBool);

#[async_trait]
impl ElectionTwist for EndsWhoeverLeads {
    async fn confirm(&self, leadership: &dyn Leadership) -> Result<()> {
        if self.0.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Fenced, "confirm"));
        }
        leadership.confirm().await
    }

    async fn resign(
        &self,
        leadership: Box<dyn Leadership>,
        successor: Option<&NodeId>,
    ) -> Result<()> {
        self.0.store(true, Ordering::Release);
        leadership.resign(successor).await
    }
}

async fn resigning_a_lost_term_ends_no_successor(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let (a, process) = place.open_apart().await?;
    let b = place.open().await?;
    let lost = win(&*a, "a", 0).await?;
    process.freeze().await?;
    let next = take_over(&place, &*b, "b").await?;
    process.thaw().await?;
    // It may be told that there is nothing to resign, or not.
    drop(lost.resign(Some(&node("a"))).await);
    next.confirm().await?;
    ensure_leads(&*b, next.token().epoch).await?;
    ensure_held(trial, &*place.open().await?, "a").await
}
