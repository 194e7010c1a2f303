//! The thread that keeps a lease alive (EL-4).

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use standfast_core::{BootInstant, Clock, Span};

/// How long all others leave a freed seat to the successor that the last holder named.
pub(crate) const SUCCESSOR_HEAD_START: Duration = Duration::from_millis(300);

/// How long a renewal that is under way is waited for when the lease is stopped.
const PATIENCE: Duration = Duration::from_millis(200);

/// The shortest ttl a configuration may ask for.
const LEAST_TTL: Duration = Duration::from_millis(100);

/// How long a lease lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// After this time without a renewal others may take over.
    pub(crate) ttl: Duration,
    /// The holder stops believing this much earlier.
    pub(crate) margin: Duration,
    /// How often the lease is renewed.
    pub(crate) beat: Duration,
}

impl Terms {
    /// The defaults: 5 s, and a tenth of the ttl as margin. Nine renewals may fail before it runs out.
    pub(crate) fn new(ttl: Option<Span>, margin: Option<Span>) -> Self {
        let ttl = ttl.map_or(Duration::from_secs(5), |span| span.0);
        let margin = margin.map_or(ttl / 10, |span| span.0);
        Self {
            ttl,
            margin,
            beat: (ttl / 10).max(Duration::from_millis(1)),
        }
    }

    /// What is wrong with a configured pair.
    pub(crate) fn problems(ttl: Option<Span>, margin: Option<Span>) -> Vec<String> {
        let terms = Self::new(ttl, margin);
        let mut found = Vec::new();
        if terms.ttl < LEAST_TTL {
            found.push(format!(
                "`ttl = \"{}\"` is too short to renew a lease in: want at least \"{}\"",
                Span(terms.ttl),
                Span(LEAST_TTL)
            ));
        }
        if terms.margin * 2 > terms.ttl {
            found.push(format!(
                "`margin = \"{}\"` is more than half of `ttl = \"{}\"`: the lease would hardly be valid",
                Span(terms.margin),
                Span(terms.ttl)
            ));
        }
        found
    }
}

/// What one renewal found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// The store still names us.
    Held,
    /// The store did not answer: the validity stays where it is.
    Unsure,
    /// Somebody else leads, or we were deposed.
    Lost,
}

/// A lease that a thread of its own renews, so that a blocked async runtime does not lose it.
///
/// Dropping it stops the thread, and the validity is [`BootInstant::NEVER`] at once. A renewal that hangs is left to
/// itself: it extends nothing any more.
#[derive(Debug)]
pub(crate) struct Lease {
    validity: watch::Sender<BootInstant>,
    phase: Arc<(Mutex<Phase>, Condvar)>,
}

/// Where the thread is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Renews,
    /// It was told to end, and extends nothing any more.
    Stopping,
    Ended,
}

impl Lease {
    /// Starts to renew. `valid_from` is the instant before the claim was made.
    pub(crate) fn start(
        clock: &Clock,
        terms: Terms,
        valid_from: BootInstant,
        mut renew: impl FnMut() -> Renewal + Send + 'static,
    ) -> std::io::Result<Self> {
        let span = terms.ttl.saturating_sub(terms.margin);
        let validity = watch::Sender::new(valid_from.plus(span));
        let phase = Arc::new((Mutex::new(Phase::Renews), Condvar::new()));
        let (clock, inside, shared) = (clock.clone(), validity.clone(), Arc::clone(&phase));
        std::thread::Builder::new()
            .name("lease".into())
            .spawn(move || {
                while !wait(&shared, terms.beat) {
                    // Counted from before the renewal is sent (EL-3): however long it takes, others count from a
                    // later instant than we do.
                    let before = clock.now();
                    match renew() {
                        Renewal::Held => extend(&shared, &inside, before.plus(span)),
                        // Nothing new, but time has passed: those who wait for the end look at their clock.
                        Renewal::Unsure => inside.send_modify(|_| {}),
                        Renewal::Lost => break,
                    }
                }
                // Believing ends first: giving the seat up may take its time.
                inside.send_replace(BootInstant::NEVER);
                drop(renew);
                *shared.0.lock() = Phase::Ended;
                shared.1.notify_all();
            })?;
        Ok(Self { validity, phase })
    }

    /// Until when the lease holds.
    pub(crate) fn validity(&self) -> watch::Receiver<BootInstant> {
        self.validity.subscribe()
    }

    /// Ends the validity, and waits a little for a renewal that is under way.
    pub(crate) fn stop(&mut self) {
        if !self.stop_within(PATIENCE) {
            tracing::warn!("a renewal of the lease hangs; it is left behind");
        }
    }

    /// Ends the validity, and waits for the thread to end. Whether it did.
    pub(crate) fn stop_within(&mut self, patience: Duration) -> bool {
        let mut phase = self.phase.0.lock();
        if *phase == Phase::Renews {
            *phase = Phase::Stopping;
        }
        self.validity.send_replace(BootInstant::NEVER);
        self.phase.1.notify_all();
        let runs = |phase: &mut Phase| *phase != Phase::Ended;
        let waited = self.phase.1.wait_while_for(&mut phase, runs, patience);
        !waited.timed_out()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The lease was renewed; one that was stopped meanwhile stays what it is.
fn extend(
    shared: &(Mutex<Phase>, Condvar),
    validity: &watch::Sender<BootInstant>,
    until: BootInstant,
) {
    let phase = shared.0.lock();
    if *phase == Phase::Renews {
        validity.send_replace(until);
    }
}

/// Waits for `span` or the order to stop; true when it came.
fn wait(shared: &(Mutex<Phase>, Condvar), span: Duration) -> bool {
    let mut phase = shared.0.lock();
    if *phase == Phase::Renews {
        // A wake-up without cause only renews early.
        let _early = shared.1.wait_for(&mut phase, span);
    }
    *phase != Phase::Renews
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        ttl: Duration::from_millis(20),
        margin: Duration::from_millis(2),
        beat: Duration::from_millis(2),
    };

    #[tokio::test]
    async fn validity_counts_from_before_the_renewal() {
        let clock = Clock::manual();
        let begin = clock.now();
        let inside = clock.clone();
        let lease = Lease::start(&clock, TERMS, begin, move || {
            inside.advance(Duration::from_secs(1));
            Renewal::Held
        })
        .unwrap();
        let mut validity = lease.validity();
        let first = *validity.borrow_and_update();
        assert_eq!(first.since(begin), Duration::from_millis(18));
        validity.changed().await.unwrap();
        assert_eq!(
            *validity.borrow(),
            first,
            "the first renewal began at the same instant"
        );
    }

    #[tokio::test]
    async fn a_lost_lease_is_never_valid_again_and_so_is_a_dropped_one() {
        let clock = Clock::manual();
        let lost = Lease::start(&clock, TERMS, clock.now(), || Renewal::Lost).unwrap();
        lost.validity()
            .wait_for(|until| *until == BootInstant::NEVER)
            .await
            .unwrap();
        let held = Lease::start(&clock, TERMS, clock.now(), || Renewal::Held).unwrap();
        let validity = held.validity();
        drop(held);
        assert_eq!(*validity.borrow(), BootInstant::NEVER);
    }

    #[tokio::test]
    async fn a_renewal_that_hangs_keeps_nobody_and_extends_nothing() {
        let clock = Clock::manual();
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let (begun, mut begins) = watch::channel(false);
        let lease = Lease::start(&clock, TERMS, clock.now(), move || {
            begun.send_replace(true);
            assert!(gate.recv().is_err(), "it hangs until the gate opens");
            Renewal::Held
        })
        .unwrap();
        let mut validity = lease.validity();
        begins.wait_for(|begun| *begun).await.unwrap();
        drop(lease);
        assert_eq!(*validity.borrow_and_update(), BootInstant::NEVER);
        drop(open);
        // The thread ends, and with it the last sender.
        while validity.changed().await.is_ok() {
            assert_eq!(*validity.borrow_and_update(), BootInstant::NEVER);
        }
    }

    #[tokio::test]
    async fn an_unsure_renewal_leaves_the_validity_to_run_out() {
        let clock = Clock::manual();
        let (tried, mut tries) = watch::channel(0);
        let lease = Lease::start(&clock, TERMS, clock.now(), move || {
            tried.send_modify(|n| *n += 1);
            Renewal::Unsure
        })
        .unwrap();
        let validity = lease.validity();
        let before = *validity.borrow();
        clock.advance(Duration::from_secs(1));
        tries.wait_for(|n| *n > 2).await.unwrap();
        assert_eq!(*validity.borrow(), before);
    }
}
