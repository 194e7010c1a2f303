use std::sync::Arc;

use standfast_backends::MemoryLink;
use standfast_core::{Position, Result, Role};
use standfast_master::TermHandle;
use standfast_standby::{HighWater, Sources};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::node::{NodeView, Shared, play};

/// One node of the cluster, running or not.
pub(super) struct Member {
    pub(super) link: MemoryLink,
    life: Option<Life>,
}

/// A node that runs, until this is dropped: as abruptly as a process is killed.
struct Life {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
    /// Kept open: without it the node would take its leave.
    _stop: watch::Sender<bool>,
}

impl Member {
    pub(super) const fn new(link: MemoryLink) -> Self {
        Self { link, life: None }
    }

    /// Begins a life of the node.
    pub(super) fn start(&mut self, sources: Sources, config: Config) -> Result<()> {
        let high_water = HighWater::open(&sources.data_dir, sources.cluster)?;
        let shared = Arc::new(Shared::new(config, sources, None));
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(play(Arc::clone(&shared), high_water, stopping));
        self.life = Some(Life {
            shared,
            tasks,
            _stop: stop,
        });
        Ok(())
    }

    /// Ends the life of the node, if it has one. Who still holds a view of it finds no primary there.
    pub(super) async fn kill(&mut self) {
        if let Some(mut life) = self.life.take() {
            life.tasks.shutdown().await;
            life.shared.term.send_replace(None);
            life.shared.machine.send_replace(None);
            life.shared.role.send_replace(Role::Failed);
        }
    }

    pub(super) const fn runs(&self) -> bool {
        self.life.is_some()
    }

    /// Whether it runs and reaches the stores.
    pub(super) fn is_up(&self) -> bool {
        self.runs() && !self.link.is_cut()
    }

    pub(super) fn view(&self) -> Option<NodeView> {
        let life = self.life.as_ref()?;
        Some(NodeView(Arc::clone(&life.shared)))
    }

    /// The term it leads, with a lease that has not run out.
    pub(super) fn term(&self) -> Option<TermHandle> {
        let term = self.life.as_ref()?.shared.term()?;
        let leads = standfast_core::Proposer::leads(&term).is_some();
        leads.then_some(term)
    }

    /// Where its state stands, when it stands at a batch end, and the digest there.
    pub(super) fn stands(&self) -> Option<(Position, standfast_core::Digest)> {
        let machine = self.life.as_ref()?.shared.machine()?;
        let machine = machine.lock();
        let position = machine.position();
        (machine.applied() == position.seq).then(|| (position, machine.digest()))
    }

    /// For messages.
    pub(super) fn describe(&self) -> String {
        let Some(life) = &self.life else {
            return "killed".to_owned();
        };
        let mut told = format!("{:?}", life.shared.role.borrow()).to_lowercase();
        if let Some(failure) = &*life.shared.failure.lock() {
            told = format!("{told} ({failure})");
        }
        if self.link.is_cut() {
            told.push_str(", cut off");
        }
        told
    }
}
