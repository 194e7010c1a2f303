use std::sync::Arc;

use parking_lot::Mutex;
use standfast_core::{Epoch, Error, ErrorKind, Leadership, Result, SharedMachine, TermEndReason};
use standfast_master::{MasterConfig, Term, TermHandle};
use standfast_standby::{
    Followed, HighWater, NotPromoted, Progress, Sources, bootstrap, follow, promote,
};
use tokio::sync::watch;

/// What the nodes and the clients of a story share.
#[derive(Clone)]
pub(super) struct Stage {
    /// The term that serves.
    pub(super) serving: watch::Sender<Option<TermHandle>>,
    pub(super) over: watch::Sender<bool>,
}

/// The state of a node, while it has one.
pub(super) type State = Arc<Mutex<Option<SharedMachine>>>;

/// A node that plays its roles until the story is over; whatever makes it stand still, it is started again.
pub(super) struct LiveNode {
    sources: Sources,
    high_water: HighWater,
    at_least: Epoch,
    stage: Stage,
    /// Its state, for whoever compares.
    pub(super) state: State,
}

impl LiveNode {
    pub(super) fn new(sources: Sources, stage: &Stage) -> Self {
        let high_water = HighWater::open(&sources.data_dir, sources.cluster).unwrap();
        Self {
            sources,
            high_water,
            at_least: Epoch::ZERO,
            stage: stage.clone(),
            state: Arc::default(),
        }
    }

    pub(super) async fn live(mut self) {
        let mut over = self.stage.over.subscribe();
        while !*over.borrow() {
            let followed = tokio::select! {
                followed = self.follow() => followed,
                // Following is cancel safe.
                _ = over.wait_for(|over| *over) => return,
            };
            let led = match followed {
                Ok((machine, leadership)) => self.lead(machine, leadership).await,
                Err(error) => Err(error),
            };
            if let Err(error) = led {
                check_harmless(&error);
            }
        }
    }

    async fn follow(&mut self) -> Result<(SharedMachine, Box<dyn Leadership>)> {
        let mut state = bootstrap(&self.sources).await?;
        let machine = Arc::clone(&state.machine);
        *self.state.lock() = Some(Arc::clone(&machine));
        let (mark, progress) = (&mut self.high_water, watch::Sender::<Progress>::default());
        let followed = follow(&self.sources, &mut state, mark, self.at_least, &progress).await?;
        match followed {
            Followed::Elected(leadership) => Ok((machine, leadership)),
            Followed::Behind => panic!("nothing is trimmed here"),
        }
    }

    async fn lead(
        &mut self,
        machine: SharedMachine,
        leadership: Box<dyn Leadership>,
    ) -> Result<()> {
        self.at_least = leadership.token().epoch;
        let promoted = promote(&self.sources, machine, &mut self.high_water, leadership).await;
        let handover = match promoted {
            Ok(handover) => handover,
            Err(NotPromoted { leadership, error }) => {
                drop(leadership.resign(None).await);
                return Err(error);
            }
        };
        let clock = self.sources.clock.clone();
        let term = Term::start(handover, MasterConfig::default(), clock)?;
        let handle = term.handle();
        if let Err(error) = term.leadership().announce().await {
            handle.stop(TermEndReason::Fenced(error));
        }
        self.stage.serving.send_replace(Some(handle.clone()));
        let mut over = self.stage.over.subscribe();
        let stopped = async {
            drop(over.wait_for(|over| *over).await);
            handle.stop(TermEndReason::Shutdown);
            std::future::pending::<()>().await;
        };
        // The term is waited for to its end; the other never returns.
        tokio::select! {
            _ = term.ended() => {}
            () = stopped => {}
        }
        self.stage.serving.send_if_modified(|serving| {
            let mine = serving
                .as_ref()
                .is_some_and(|term| term.token().epoch == handle.token().epoch);
            if mine {
                *serving = None;
            }
            mine
        });
        Ok(())
    }
}

/// Nothing that was committed may be missing, and no state may differ.
fn check_harmless(error: &Error) {
    assert_ne!(*error.kind(), ErrorKind::LogRegressed, "{error}");
    assert!(!error.to_string().contains("differs"), "{error}");
}
