//! The thread that keeps a lease alive (EL-4).

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use standfast_core::{BootInstant, Clock, Span};

/// How long all others leave a freed seat to the successor that the last holder named.
pub(crate) const SUCCESSOR_HEAD_START: Duration = Duration::from_millis(300);

/// The shortest ttl a configuration may ask for.
const LEAST_TTL: Duration = Duration::from_millis(100);

/// How long a lease lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// After this time without a renewal others may take over.
    pub(crate) ttl: Duration,
    /// The holder stops believing this much earlier.
    pub(crate) margin: Duration,
}

impl Terms {
    /// The defaults: 5 s, and a tenth of the ttl as margin.
    pub(crate) fn new(ttl: Option<Span>, margin: Option<Span>) -> Self {
        let ttl = ttl.map_or(Duration::from_secs(5), |span| span.0);
        let margin = margin.map_or(ttl / 10, |span| span.0);
        Self { ttl, margin }
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

    /// How often a lease is renewed: nine tries may fail before it runs out.
    pub(crate) fn beat(self) -> Duration {
        (self.ttl / 10).max(Duration::from_millis(1))
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
/// Dropping it stops and joins the thread, and the validity becomes [`BootInstant::NEVER`].
#[derive(Debug)]
pub(crate) struct Lease {
    validity: watch::Sender<BootInstant>,
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
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
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let thread = {
            let (clock, validity, stop) = (clock.clone(), validity.clone(), Arc::clone(&stop));
            std::thread::Builder::new()
                .name("lease".into())
                .spawn(move || {
                    while !wait(&stop, terms.beat()) {
                        // Counted from before the renewal is sent (EL-3): however long it takes, others count
                        // from a later instant than we do.
                        let before = clock.now();
                        match renew() {
                            Renewal::Held => drop(validity.send_replace(before.plus(span))),
                            Renewal::Unsure => {}
                            Renewal::Lost => break,
                        }
                    }
                    validity.send_replace(BootInstant::NEVER);
                })?
        };
        Ok(Self {
            validity,
            stop,
            thread: Some(thread),
        })
    }

    /// Until when the lease holds.
    pub(crate) fn validity(&self) -> watch::Receiver<BootInstant> {
        self.validity.subscribe()
    }

    /// Ends the renewal and waits for the thread.
    pub(crate) fn stop(&mut self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the lease thread does not panic");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Waits for `span` or the order to stop; true when it came.
fn wait(stop: &(Mutex<bool>, Condvar), span: Duration) -> bool {
    let mut stopped = stop.0.lock();
    if !*stopped {
        // A wake-up without cause only renews early.
        let _early = stop.1.wait_for(&mut stopped, span);
    }
    *stopped
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        ttl: Duration::from_millis(20),
        margin: Duration::from_millis(2),
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
