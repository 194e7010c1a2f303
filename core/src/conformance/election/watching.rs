use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::Election;
use super::parts::{told, win};
use super::trial::ElectionTrial;
use super::twist::ElectionTwist;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Failure, Outcome, ensure, ensure_eq};
use crate::conformance::parts::candidate;
use crate::election::{Candidate, ElectionBackend, ElectionWatch, LeaderRecord, Leadership};
use crate::error::Result;
use crate::words::Epoch;

pub(super) fn cases() -> Vec<Case<Election>> {
    vec![
        case!(
            h30_the_record_says_serving_only_after_the_announcement,
            ["EL-7", "EL-6", "h30"],
            needs [],
            twin AnnouncesAtOnce
        ),
        case!(
            h08_a_watch_tells_the_newest_for_ever,
            ["EL-6", "h08"],
            needs [],
            twin TellsOnce::default()
        ),
        case!(
            what_was_announced_never_goes_back,
            ["EL-9"],
            needs [],
            twin ForgetsWhoServed
        ),
    ]
}

/// Says that it serves as soon as it leads.
struct AnnouncesAtOnce;

#[async_trait]
impl ElectionTwist for AnnouncesAtOnce {
    async fn campaign(
        &self,
        election: &dyn ElectionBackend,
        candidate: &Candidate,
        at_least: Epoch,
    ) -> Result<Box<dyn Leadership>> {
        let leadership = election.campaign(candidate, at_least).await?;
        leadership.announce().await?;
        Ok(leadership)
    }
}

/// The next record, which must be there.
async fn led(watch: &mut dyn ElectionWatch) -> Outcome<LeaderRecord> {
    let record = told(watch).await?;
    record.ok_or_else(|| Failure::new("the watch says that nobody leads"))
}

async fn h30_the_record_says_serving_only_after_the_announcement(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let (a, b) = (place.open().await?, place.open().await?);
    let mut watch = b.observe().await?;
    ensure_eq!(told(&mut *watch).await?, None, "who leads at first");
    let leadership = win(&*a, "a", 0).await?;
    let record = led(&mut *watch).await?;
    ensure_eq!(record.candidate, candidate("a"), "who leads");
    ensure!(!record.serving, "it serves before it was announced");
    leadership.announce().await?;
    let record = led(&mut *watch).await?;
    ensure!(record.serving, "the announcement is not told");
    ensure_eq!(record.epoch, leadership.token().epoch, "the epoch told");
    ensure_eq!(b.current().await?, Some(record), "the record");
    leadership.announce().await?;
    leadership.resign(None).await?;
    ensure_eq!(told(&mut *watch).await?, None, "who leads in the end");
    Ok(())
}

/// Ends with the first answer.
#[derive(Default)]
struct TellsOnce(AtomicBool);

#[async_trait]
impl ElectionTwist for TellsOnce {
    async fn next(&self, watch: &mut dyn ElectionWatch) -> Result<Option<LeaderRecord>> {
        if self.0.swap(true, Ordering::AcqRel) {
            return std::future::pending().await;
        }
        watch.next().await
    }
}

/// Terms come and go while nobody asks; what is told then is the newest.
async fn h08_a_watch_tells_the_newest_for_ever(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let (a, b) = (place.open().await?, place.open().await?);
    let mut watch = b.observe().await?;
    ensure_eq!(told(&mut *watch).await?, None, "who leads at first");
    for _ in 0..3 {
        for _ in 0..3 {
            win(&*a, "a", 0).await?.resign(None).await?;
        }
        let leadership = win(&*a, "a", 0).await?;
        leadership.announce().await?;
        let epoch = leadership.token().epoch;
        let record = loop {
            let record = told(&mut *watch).await?;
            // What is late is passed over.
            if let Some(record) = record.filter(|record| record.epoch == epoch && record.serving) {
                break record;
            }
        };
        ensure_eq!(record.candidate, candidate("a"), "who leads");
        leadership.resign(None).await?;
        while let Some(record) = told(&mut *watch).await? {
            ensure_eq!(record.epoch, epoch, "the epoch told before the end");
        }
    }
    Ok(())
}

/// Knows only of the one who serves now.
struct ForgetsWhoServed;

#[async_trait]
impl ElectionTwist for ForgetsWhoServed {
    async fn announced(&self, election: &dyn ElectionBackend) -> Result<Epoch> {
        let serving = election.current().await?.filter(|record| record.serving);
        Ok(serving.map_or(Epoch::ZERO, |record| record.epoch))
    }
}

async fn what_was_announced_never_goes_back(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let (a, b) = (place.open().await?, place.open().await?);
    ensure_eq!(b.announced().await?, Epoch::ZERO, "the announced at first");
    let first = win(&*a, "a", 0).await?;
    ensure_eq!(b.announced().await?, Epoch::ZERO, "the announced too early");
    first.announce().await?;
    let served = first.token().epoch;
    ensure_eq!(b.announced().await?, served, "the announced");
    first.resign(None).await?;
    ensure_eq!(b.announced().await?, served, "the announced, after the end");
    let unannounced = win(&*b, "b", 0).await?;
    let now = place.open().await?.announced().await?;
    ensure_eq!(now, served, "the announced, under one that does not serve");
    unannounced.resign(None).await?;
    ensure_eq!(a.announced().await?, served, "the announced, in the end");
    Ok(())
}
