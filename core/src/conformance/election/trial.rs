use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::harness::{ElectionHarness, ElectionSpace};
use super::parts::{GLANCE, win};
use super::twist::{ElectionTwist, Twisted};
use crate::clock::Clock;
use crate::conformance::failure::{Failure, Outcome};
use crate::conformance::parts::cluster;
use crate::conformance::process::{Apart, Process};
use crate::election::ElectionBackend;
use crate::error::Result;

/// How long a candidate may take to see that a lease is over, on the wall.
const LOOK: Duration = Duration::from_millis(100);
/// How many leases pass until it has seen none.
const LEASES: u32 = 1000;

/// What a case about elections is given: fresh elections, as many as it wants.
pub struct ElectionTrial {
    harness: Arc<dyn ElectionHarness>,
    twist: Option<Arc<dyn ElectionTwist>>,
    seed: u64,
    spaces: Mutex<Vec<Arc<dyn ElectionSpace>>>,
    glance: OnceCell<Duration>,
}

impl ElectionTrial {
    pub(super) fn new(
        harness: Arc<dyn ElectionHarness>,
        twist: Option<Arc<dyn ElectionTwist>>,
        seed: u64,
    ) -> Self {
        Self {
            harness,
            twist,
            seed,
            spaces: Mutex::default(),
            glance: OnceCell::new(),
        }
    }

    /// A fresh storage, which is removed with the trial.
    pub(super) async fn space(&self) -> Result<Arc<dyn ElectionSpace>> {
        let space: Arc<dyn ElectionSpace> = self.harness.space().await?.into();
        self.spaces.lock().push(Arc::clone(&space));
        Ok(space)
    }

    /// An election that belongs to no cluster yet.
    pub(super) async fn blank(&self) -> Result<Place> {
        let space = self.space().await?;
        let clock = if space.goes_by_given_clocks() {
            Clock::manual()
        } else {
            Clock::system()
        };
        Ok(Place {
            space,
            twist: self.twist.clone(),
            clock,
        })
    }

    /// A fresh election of [`cluster`].
    pub(super) async fn fresh(&self) -> Result<Place> {
        let place = self.blank().await?;
        place.open().await?.init(cluster()).await?;
        Ok(place)
    }

    /// How long a candidate is watched that must not win: several times as long as a free seat takes, so that it would
    /// have won by then on a slow store, too.
    pub(super) async fn glance(&self) -> Outcome<Duration> {
        let glance = self.glance.get_or_try_init(|| self.measure_glance());
        Ok(*glance.await?)
    }

    async fn measure_glance(&self) -> Outcome<Duration> {
        let place = self.fresh().await?;
        let election = place.open().await?;
        let begun = Instant::now();
        drop(win(&*election, "a", 0).await?);
        let took = begun.elapsed();
        Ok(GLANCE.max(place.ttl() / 10).max(took * 4))
    }

    pub(super) async fn clean(&self) -> Outcome {
        let spaces = std::mem::take(&mut *self.spaces.lock());
        for space in spaces {
            space.remove().await?;
        }
        Ok(())
    }
}

impl fmt::Debug for ElectionTrial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ElectionTrial(seed {})", self.seed)
    }
}

/// One election of a trial, and the clock that its leases run out by: one that is moved by hand, where the harness
/// allows it.
pub(super) struct Place {
    space: Arc<dyn ElectionSpace>,
    twist: Option<Arc<dyn ElectionTwist>>,
    clock: Clock,
}

impl Place {
    /// Another handle, on the clock of the place.
    pub(super) async fn open(&self) -> Result<Arc<dyn ElectionBackend>> {
        self.open_on(&self.clock).await
    }

    /// Another handle, on a clock of its own.
    pub(super) async fn open_on(&self, clock: &Clock) -> Result<Arc<dyn ElectionBackend>> {
        Ok(self.twisted(self.space.open(clock).await?))
    }

    /// A handle of a process that can be frozen.
    pub(super) async fn open_apart(&self) -> Outcome<(Arc<dyn ElectionBackend>, Arc<dyn Process>)> {
        let apart = self.space.open_apart(&self.clock).await?;
        let Apart { store, process } =
            apart.ok_or_else(|| Failure::new("the harness cannot freeze a leader any more"))?;
        Ok((self.twisted(store), process))
    }

    pub(super) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether the clock is moved by hand.
    pub(super) fn is_manual(&self) -> bool {
        self.space.goes_by_given_clocks()
    }

    pub(super) fn ttl(&self) -> Duration {
        self.space.ttl()
    }

    /// Lets lease after lease pass, for what runs beside it and is over long before.
    pub(super) async fn pass_time(&self) {
        for _ in 0..LEASES {
            tokio::time::sleep(LOOK).await;
            if self.is_manual() {
                self.clock.advance(self.ttl() * 2);
            }
        }
    }

    fn twisted(&self, election: Arc<dyn ElectionBackend>) -> Arc<dyn ElectionBackend> {
        match &self.twist {
            None => election,
            Some(twist) => Arc::new(Twisted::new(election, Arc::clone(twist))),
        }
    }
}
