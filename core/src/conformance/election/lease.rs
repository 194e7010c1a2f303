use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::parts::{ensure_held, win, within};
use super::trial::{ElectionTrial, Place};
use super::twist::ElectionTwist;
use super::{Election, given_clocks, many_clocks};
use crate::clock::{BootInstant, Clock};
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Failure, Outcome, ensure};
use crate::conformance::parts::candidate;
use crate::election::{ElectionBackend, LeaderRecord, Leadership};
use crate::error::Result;
use crate::words::Epoch;

/// How long a thread may be blocked until a renewal is seen.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn cases() -> Vec<Case<Election>> {
    vec![
        case!(
            h29_leadership_holds_through_a_drain_of_three_leases,
            ["EL-2", "EL-3", "h29"],
            needs [],
            twin RenewsNothing
        ),
        case!(
            h18_the_renewal_survives_a_runtime_that_is_blocked,
            ["EL-4", "h18"],
            needs [],
            twin RenewsInTheRuntime::default()
        ),
        case!(
            h17_no_clock_is_compared_with_that_of_another_node,
            ["EL-2", "EL-3", "h17"],
            needs [given_clocks, many_clocks],
            twin GoesByTheWrongClock
        ),
    ]
}

/// The validity stays what it was.
struct RenewsNothing;

#[async_trait]
impl ElectionTwist for RenewsNothing {
    fn validity(&self, leadership: &dyn Leadership) -> watch::Receiver<BootInstant> {
        let until = *leadership.validity().borrow();
        watch::channel(until).1
    }
}

/// Lets `span` pass bit by bit while the lease is renewed. It must hold all the time.
async fn outlast(place: &Place, leadership: &dyn Leadership, span: Duration) -> Outcome {
    let clock = place.clock();
    let mut validity = leadership.validity();
    let end = clock.now().plus(span);
    while clock.now() < end {
        if place.is_manual() {
            renewed(&mut validity, clock, place.ttl() / 4).await?;
        } else {
            tokio::time::sleep(place.ttl() / 10).await;
        }
        ensure!(
            *validity.borrow() > clock.now(),
            "the lease ran out while its holder lived"
        );
    }
    Ok(())
}

/// Moves the clock, and waits for a renewal that was begun after that.
async fn renewed(
    validity: &mut watch::Receiver<BootInstant>,
    clock: &Clock,
    step: Duration,
) -> Outcome {
    let before = *validity.borrow_and_update();
    clock.advance(step);
    let renewal = validity.wait_for(|until| *until > before);
    let renewal = within("a renewal", renewal).await?;
    renewal.map_err(|_ended| Failure::new("the lease is renewed no more"))?;
    Ok(())
}

async fn h29_leadership_holds_through_a_drain_of_three_leases(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let (a, b) = (place.open().await?, place.open().await?);
    let leadership = win(&*a, "a", 0).await?;
    let rival = candidate("b");
    tokio::select! {
        won = b.campaign(&rival, Epoch::ZERO) => {
            let epoch = won?.token().epoch;
            return Err(Failure::new(format!("another was granted epoch {epoch} meanwhile")));
        }
        drained = outlast(&place, &*leadership, place.ttl() * 3) => drained?,
    }
    leadership.confirm().await?;
    leadership.announce().await?;
    Ok(())
}

/// The renewal is a task of the runtime.
#[derive(Default)]
struct RenewsInTheRuntime(Mutex<JoinSet<()>>);

#[async_trait]
impl ElectionTwist for RenewsInTheRuntime {
    fn validity(&self, leadership: &dyn Leadership) -> watch::Receiver<BootInstant> {
        let mut inside = leadership.validity();
        let (told, outside) = watch::channel(*inside.borrow_and_update());
        self.0.lock().spawn(async move {
            while inside.changed().await.is_ok() {
                told.send_replace(*inside.borrow_and_update());
            }
        });
        outside
    }
}

/// The case's runtime has one worker, and this blocks it for two leases.
async fn h18_the_renewal_survives_a_runtime_that_is_blocked(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let (a, b) = (place.open().await?, place.open().await?);
    let leadership = win(&*a, "a", 0).await?;
    let validity = leadership.validity();
    let clock = place.clock();
    let end = clock.now().plus(place.ttl() * 2);
    while clock.now() < end {
        let before = *validity.borrow();
        if place.is_manual() {
            clock.advance(place.ttl() / 4);
        }
        let renewed = block_until(|| *validity.borrow() > before);
        let now = clock.now();
        ensure!(
            renewed && *validity.borrow() > now,
            "no renewal while the async runtime was blocked"
        );
    }
    leadership.confirm().await?;
    ensure_held(trial, &*b, "b").await
}

/// Blocks the thread until `done`; false when it takes too long.
fn block_until(done: impl Fn() -> bool) -> bool {
    let clock = Clock::system();
    let end = clock.now().plus(PATIENCE);
    while !done() {
        if clock.now() > end {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    true
}

/// Finds every lease over.
struct GoesByTheWrongClock;

#[async_trait]
impl ElectionTwist for GoesByTheWrongClock {
    async fn current(&self, _election: &dyn ElectionBackend) -> Result<Option<LeaderRecord>> {
        Ok(None)
    }
}

/// The other node booted long before, and its machine sleeps for ten minutes.
async fn h17_no_clock_is_compared_with_that_of_another_node(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let elsewhere = Clock::manual();
    elsewhere.advance(Duration::from_hours(1000));
    let (a, b) = (place.open().await?, place.open_on(&elsewhere).await?);
    let leadership = win(&*a, "a", 0).await?;
    ensure!(b.current().await?.is_some(), "the leader is not seen");
    ensure_held(trial, &*b, "b").await?;
    let mut validity = leadership.validity();
    for _ in 0..2 {
        renewed(&mut validity, place.clock(), place.ttl() / 4).await?;
    }
    elsewhere.advance(Duration::from_mins(10));
    let seen = b.current().await?;
    ensure!(seen.is_some(), "the leader is not seen after the sleep");
    ensure_held(trial, &*b, "b").await?;
    leadership.confirm().await?;
    Ok(())
}
