use std::sync::Arc;
use std::time::Duration;

use standfast_core::{
    Epoch, Error, ErrorKind, Handover, Leadership, Position, Result, Role, Seq, SharedMachine,
    TermEnd, TermEndReason,
};
use standfast_master::{Term, TermHandle};
use standfast_standby::{
    Bootstrapped, Followed, HighWater, NotPromoted, bootstrap, follow, promote,
};
use tokio::sync::watch;

use super::cover::cover_before_the_end;
use super::may_block::may_block;
use super::shared::Shared;
use super::troubles::{may_begin_again, may_stand_again, passes, pause_after};

/// First and longest pause after a promotion that failed, so that others get their turn.
const PROMOTION_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));
/// How often a primary brings its high-water mark up to date.
const HIGH_WATER_EVERY: Duration = Duration::from_secs(1);

/// The life of a node: bootstrap, follow, lead, and again.
pub(crate) struct RoleLoop {
    shared: Arc<Shared>,
    high_water: HighWater,
    stopping: watch::Receiver<bool>,
    /// What an earlier promotion found to be taken: campaign above it.
    at_least: Epoch,
    /// Pause after the next promotion that fails.
    promotion_pause: Duration,
    /// What the state needs next was trimmed. It stays to be looked at until another one is complete, and is never
    /// promoted.
    behind: bool,
}

/// What one round of following led to.
enum Round {
    Lead(Box<Handover>),
    /// Begin again with this state, or with none.
    Again(Option<SharedMachine>),
    Stop,
}

impl RoleLoop {
    pub(crate) const fn new(
        shared: Arc<Shared>,
        high_water: HighWater,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            shared,
            high_water,
            stopping,
            at_least: Epoch::ZERO,
            promotion_pause: PROMOTION_PAUSES.0,
            behind: false,
        }
    }

    /// Runs until the node is told to stop.
    ///
    /// # Errors
    /// What must not be passed over; the node then serves nothing and waits for its operator.
    pub(crate) async fn run(mut self) -> Result<()> {
        let mut kept = None;
        loop {
            match self.follow_once(kept.take()).await? {
                Round::Lead(handover) => kept = self.lead(*handover).await?,
                Round::Again(machine) => kept = machine,
                Round::Stop => return Ok(()),
            }
            if *self.shared.leaving.borrow() {
                // Its term was handed over or ended: not another one.
                drop(self.stopping.wait_for(|stop| *stop).await);
                return Ok(());
            }
        }
    }

    fn enter(&self, role: Role) {
        show(&self.shared, role);
    }

    async fn follow_once(&mut self, kept: Option<SharedMachine>) -> Result<Round> {
        let mut stopping = self.stopping.clone();
        let was_kept = kept.is_some();
        let followed = {
            let begun = self.follow_from(kept);
            // `follow_from` is cancel safe: a node that stops needs no state. Being told comes first: both may be ready
            // at once, and a node that is to stop must not lead again.
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stop| *stop) => None,
                followed = begun => Some(followed),
            }
        };
        let Some(followed) = followed else {
            let applied = self.shared.progress.borrow().position;
            if applied.seq > Seq::ZERO && self.shared.sources.log_outlives_term() {
                self.high_water.raise(applied);
            }
            return Ok(Round::Stop);
        };
        match followed {
            Ok((machine, Followed::Elected(leadership))) => self.promote(machine, leadership).await,
            Ok((machine, Followed::Behind)) => {
                if self.shared.outlet.is_some() && machine.lock().position().seq == Seq::ZERO {
                    tracing::warn!(
                        "what this node needs first is no longer in the primary's log, and no snapshot reaches it: point \
                         [snapshots] at the bucket that has them, or put the damaged objects back"
                    );
                    self.breathe(PROMOTION_PAUSES.1).await;
                }
                Ok(self.bootstrap_again())
            }
            Err(error) if was_kept && matches!(error.kind(), ErrorKind::Trimmed { .. }) => {
                tracing::warn!(%error, "the state is behind the log");
                Ok(self.bootstrap_again())
            }
            Err(error) if was_kept && may_begin_again(error.kind()) => {
                // What this node applied last is not on the lineage that others went on with.
                tracing::warn!(%error, "the state is given up; bootstrapping again");
                metrics::counter!("standfast_states_dropped_total").increment(1);
                Ok(Round::Again(None))
            }
            Err(error) if passes(error.kind()) => {
                // A store that is away or full, a race for the election that was lost: no reason to stand still.
                tracing::warn!(%error, "following is interrupted; trying again");
                metrics::counter!("standfast_follow_interruptions_total").increment(1);
                self.breathe(pause_after(error.kind())).await;
                let kept = self.shared.machine().filter(|_| !self.behind);
                Ok(Round::Again(kept))
            }
            Err(error) => Err(error),
        }
    }

    /// The state is too old to follow the log with.
    fn bootstrap_again(&mut self) -> Round {
        // Where only snapshots carry the state on, each new one is the next thing to follow.
        if self.shared.sources.log_outlives_term() {
            metrics::counter!("standfast_fell_behind_total").increment(1);
        }
        self.behind = true;
        Round::Again(None)
    }

    /// A pause before something that failed is tried again; ends early when the node is told to stop.
    async fn breathe(&self, pause: Duration) {
        let mut stopping = self.stopping.clone();
        // Both arms are cancel safe, and which one ended it does not matter.
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }

    async fn follow_from(
        &mut self,
        kept: Option<SharedMachine>,
    ) -> Result<(SharedMachine, Followed)> {
        let mut state = if let Some(machine) = kept {
            Bootstrapped::kept(machine)
        } else {
            if !self.behind {
                // Not of this history: nobody is to see it.
                self.shared.machine.send_replace(None);
            }
            if !self.behind || self.shared.sources.log_outlives_term() {
                self.enter(Role::Bootstrap);
            }
            let state = bootstrap(&self.shared.sources).await?;
            self.behind = false;
            state
        };
        self.shared
            .machine
            .send_replace(Some(Arc::clone(&state.machine)));
        self.enter(Role::Standby);
        let (sources, progress) = (&self.shared.sources, &self.shared.progress);
        let followed = follow(
            sources,
            &mut state,
            &mut self.high_water,
            self.at_least,
            progress,
        )
        .await?;
        let machine = state.machine;
        Ok((machine, followed))
    }

    async fn promote(
        &mut self,
        machine: SharedMachine,
        leadership: Box<dyn Leadership>,
    ) -> Result<Round> {
        self.enter(Role::Promoting);
        let kept = Arc::clone(&machine);
        let promotion = promote(
            &self.shared.sources,
            machine,
            &mut self.high_water,
            leadership,
        );
        match may_block(promotion).await {
            Ok(handover) => {
                self.promotion_pause = PROMOTION_PAUSES.0;
                Ok(Round::Lead(Box::new(handover)))
            }
            Err(NotPromoted { leadership, error }) => {
                self.at_least = self.at_least.max(leadership.token().epoch);
                tracing::warn!(%error, "not promoted");
                metrics::counter!("standfast_promotions_failed_total").increment(1);
                if let Err(error) = leadership.resign(None).await {
                    tracing::info!(%error, "could not resign; the lease runs out by itself");
                }
                self.breathe(self.promotion_pause).await;
                self.promotion_pause = (self.promotion_pause * 2).min(PROMOTION_PAUSES.1);
                match error.kind() {
                    ErrorKind::Trimmed { .. } => Ok(self.bootstrap_again()),
                    kind if may_stand_again(kind) => Ok(Round::Again(Some(kept))),
                    _ => Err(error),
                }
            }
        }
    }

    /// Serves for a term, and returns the state if it may simply follow.
    async fn lead(&mut self, handover: Handover) -> Result<Option<SharedMachine>> {
        let (config, clock) = (self.shared.config.master.clone(), self.shared.clock.clone());
        if handover.after_loss {
            tell_loss(&self.shared, &handover);
        }
        let term = Term::start(handover, config, clock)?;
        self.shared.term.send_replace(Some(term.handle()));
        self.enter(Role::Primary);
        let epoch = term.handle().token().epoch;
        self.at_least = self.at_least.max(epoch);
        if let Err(error) = term.leadership().announce().await {
            tracing::warn!(%error, "cannot announce; the term ends");
            term.handle().stop(TermEndReason::Fenced(error));
        }
        metrics::counter!("standfast_terms_total").increment(1);
        let handle = term.handle();
        let told = end_when_told(&self.shared, term.handle(), self.stopping.clone());
        let marked = keep_high_water(&mut self.high_water, &self.shared, &handle);
        // The term is waited for to its end, whoever asked for it; the other arms never return.
        let ended = tokio::select! {
            ended = term.ended() => ended,
            never = told => never,
            never = marked => never,
        };
        self.high_water.raise(kept(&self.shared, &handle));
        let TermEnd {
            machine,
            clean,
            reason,
        } = ended;
        self.shared.term.send_replace(None);
        tracing::info!(%epoch, clean, ?reason, "the term ended");
        Ok(clean.then_some(machine))
    }

    /// The node met what it must not pass over.
    pub(crate) fn fail(shared: &Shared, error: &Error) {
        tracing::error!(%error, "the node stands still; it serves nothing until this is mended");
        *shared.failure.lock() = Some(error.to_string());
        show(shared, Role::Failed);
    }
}

/// Tells how many entries the primary before is known to have acknowledged that no snapshot holds.
fn tell_loss(shared: &Shared, handover: &Handover) {
    let heard = shared.primary.borrow().committed.seq;
    let entries = heard.next().since(handover.start.seq);
    metrics::counter!("standfast_lost_entries_total").increment(entries);
    tracing::warn!(entries, through = %heard, "lost, as far as this node heard of them");
}

/// Publishes the role.
fn show(shared: &Shared, role: Role) {
    tracing::info!(?role, "role");
    for each in [
        Role::Bootstrap,
        Role::Standby,
        Role::Promoting,
        Role::Primary,
        Role::Failed,
    ] {
        let name = format!("{each:?}").to_lowercase();
        metrics::gauge!("standfast_role", "role" => name).set(if each == role { 1.0 } else { 0.0 });
    }
    shared.role.send_replace(role);
}

/// Brings the high-water mark up to date each second of a term. Never returns.
#[expect(clippy::infinite_loop, reason = "dropped with the term")]
async fn keep_high_water(
    high_water: &mut HighWater,
    shared: &Shared,
    term: &TermHandle,
) -> TermEnd {
    let mut ticks = tokio::time::interval(HIGH_WATER_EVERY);
    loop {
        ticks.tick().await;
        high_water.raise(kept(shared, term));
    }
}

/// The last Position of a term that every later one must know of: what is committed to its log, or, where that ends with
/// the term, what the catalog lists.
fn kept(shared: &Shared, term: &TermHandle) -> Position {
    if shared.sources.log_outlives_term() {
        term.committed_position()
    } else {
        shared.snapshots.borrow().newest
    }
}

/// Ends the term of a node that was told to stop while it was being promoted: at that time there was no term yet that
/// could have been handed over.
async fn end_when_told(
    shared: &Shared,
    term: TermHandle,
    mut stopping: watch::Receiver<bool>,
) -> TermEnd {
    if stopping.wait_for(|stop| *stop).await.is_ok() {
        let _only = shared.handing_over.lock().await;
        // It is told there, and whoever told the node to stop has gone on.
        let _held = cover_before_the_end(shared, &term).await.ok();
        term.stop(TermEndReason::Shutdown);
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use standfast_core::{Clock, FenceToken, TrimGuard};
    use tokio::time::Instant;

    use super::*;
    use crate::node::test_parts::{TestParts, fingerprint};

    fn role(parts: &TestParts) -> RoleLoop {
        let stopping = parts.shared.leaving.subscribe();
        RoleLoop::new(Arc::clone(&parts.shared), parts.high_water(), stopping)
    }

    /// Another took the log with this epoch.
    async fn fence(parts: &TestParts, epoch: u64) {
        let sources = &parts.shared.sources;
        let token = FenceToken {
            cluster: sources.cluster,
            epoch: Epoch(epoch),
            holder: sources.candidate.node.clone(),
            nonce: 1,
            proof: String::new(),
        };
        drop(sources.oplog.open_writer(&token).await.unwrap());
    }

    /// What one promotion led to, and how long it took with its pause.
    async fn promoted(
        role: &mut RoleLoop,
        parts: &TestParts,
        leadership: Box<dyn Leadership>,
    ) -> (Round, Duration) {
        let machine = parts.shared.sources.genesis();
        let machine = Arc::new(parking_lot::Mutex::new(machine));
        let begun = Instant::now();
        let round = role.promote(machine, leadership).await.unwrap();
        (round, begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn promotions_that_fail_pause_longer_each_time_until_one_succeeds() {
        let parts = TestParts::new(&Clock::system()).await;
        let mut role = role(&parts);
        let mut pauses = Vec::new();
        fence(&parts, 100).await;
        for _ in 0..7 {
            let leadership = parts.elected(Epoch::ZERO).await;
            let (round, took) = promoted(&mut role, &parts, leadership).await;
            assert!(matches!(round, Round::Again(_)));
            pauses.push(took.as_millis());
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3000, 3000]);
        let leadership = parts.elected(Epoch(100)).await;
        let (round, _) = promoted(&mut role, &parts, leadership).await;
        assert!(matches!(round, Round::Lead(_)));
        drop(round);
        fence(&parts, 200).await;
        let leadership = parts.elected(Epoch::ZERO).await;
        let (_, took) = promoted(&mut role, &parts, leadership).await;
        assert_eq!(took, PROMOTION_PAUSES.0);
    }

    /// Keeps nothing from being trimmed.
    struct Nobody(FenceToken);

    #[async_trait]
    impl TrimGuard for Nobody {
        fn token(&self) -> &FenceToken {
            &self.0
        }

        async fn lowest_needed(&self) -> Result<Option<Seq>> {
            Ok(None)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_behind_the_log_is_shown_until_there_is_another_and_never_promoted() {
        let parts = TestParts::new(&Clock::system()).await;
        let mut role = role(&parts);
        let old = parts.shared.sources.genesis();
        let old = Arc::new(parking_lot::Mutex::new(old));
        parts.shared.machine.send_replace(Some(Arc::clone(&old)));
        // Two terms, and only the last one is left.
        for epoch in [100, 200] {
            let leadership = parts.elected(Epoch(epoch)).await;
            let (round, _) = promoted(&mut role, &parts, leadership).await;
            let Round::Lead(handover) = round else {
                panic!("not promoted")
            };
            let guard = Nobody(handover.leadership.token().clone());
            let trimmed = parts.shared.sources.oplog.trim(Seq(1), &guard);
            trimmed.await.unwrap();
        }
        assert_eq!(
            parts.shared.sources.oplog.bounds().await.unwrap().floor,
            Seq(2)
        );

        for kept in [Some(old), None] {
            let round = role.follow_once(kept).await;
            let shown = parts.shared.machine().expect("the old state is shown");
            assert_eq!(shown.lock().position().seq, Seq::ZERO);
            match round {
                Ok(Round::Again(None)) => assert!(role.behind),
                Err(error) => assert!(
                    error.to_string().contains("there is no snapshot"),
                    "{error}"
                ),
                Ok(_) => panic!("promoted, or begun again with the old state"),
            }
            assert!(!parts.shared.node_status().in_sync);
        }
        assert_eq!(*parts.shared.role.borrow(), Role::Bootstrap);
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_is_not_there_is_waited_for() {
        let parts = TestParts::without_log(&Clock::system()).await;
        let mut role = role(&parts);
        let round = role.follow_once(None).await.unwrap();
        assert!(matches!(round, Round::Again(None)));
        // Somebody mounts the disk again.
        parts
            .shared
            .sources
            .oplog
            .init(fingerprint())
            .await
            .unwrap();
        let round = role.follow_once(None).await.unwrap();
        assert!(matches!(round, Round::Lead(_)));
    }
}
