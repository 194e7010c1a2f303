use std::any::Any;

use parking_lot::Mutex;
use standfast_core::{BootInstant, Clock, Position, Proposer, Role, SharedMachine, wall_clock_ms};
use standfast_master::{Outlet, Standbys, TermHandle};
use standfast_snapshots::SnapshotterHandle;
use standfast_standby::{PrimaryView, Progress, Sources};
use tokio::sync::{Notify, mpsc, watch};

use super::drills::Drills;
use super::prune::Prune;
use crate::config::Config;

/// The newest snapshots of the catalog, as this node saw it last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Catalogued {
    /// Where the newest stands.
    pub(crate) newest: Position,
    /// When that was made, wall time; 0 while there is none.
    pub(crate) created_ms: u64,
    /// Where the newest verified one stands.
    pub(crate) verified: Position,
}

impl Catalogued {
    /// How old the newest is, by this node's wall clock and that of the node that made it.
    pub(crate) fn age_ms(&self) -> Option<u64> {
        (self.created_ms > 0).then(|| wall_clock_ms().saturating_sub(self.created_ms))
    }
}

/// What the parts of a node know of each other: each value has one writer, everybody may look.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) sources: Sources,
    pub(crate) clock: Clock,
    /// Written by the role loop.
    pub(crate) role: watch::Sender<Role>,
    /// The term this node leads and serves. Written by the role loop.
    pub(crate) term: watch::Sender<Option<TermHandle>>,
    /// The state, while there is one. Written by the role loop.
    pub(crate) machine: watch::Sender<Option<SharedMachine>>,
    /// Written by the follower.
    pub(crate) progress: watch::Sender<Progress>,
    /// Written by the heartbeat task.
    pub(crate) primary: watch::Sender<PrimaryView>,
    /// Written by the heartbeat server.
    pub(crate) standbys: Standbys,
    /// Sends this node's log to standbys that keep logs of their own, where they do.
    pub(crate) outlet: Option<Outlet>,
    /// What the catalog lists. Written by the snapshot task.
    pub(crate) snapshots: watch::Sender<Catalogued>,
    /// When the catalog was read last; `NEVER` before the first time. Written by the snapshot task.
    pub(crate) catalog_read: Mutex<BootInstant>,
    /// Wakes the snapshot task of a leader, so that it lists at once what was made.
    pub(crate) listing: Notify,
    /// Held by whoever ends the term in order: two that close intake would open it for each other.
    pub(crate) handing_over: tokio::sync::Mutex<()>,
    /// Makes a snapshot when asked. Written by the snapshot task.
    pub(crate) snapshotter: watch::Sender<Option<SnapshotterHandle>>,
    /// Prunes when asked. Written by the snapshot task, which takes the requests as long as it leads.
    pub(crate) prunes: watch::Sender<Option<mpsc::Sender<Prune>>>,
    /// The node leaves: it leads no more. Written by the node when it is told to stop.
    pub(crate) leaving: watch::Sender<bool>,
    /// Why the node stands still, when it does.
    pub(crate) failure: Mutex<Option<String>>,
    /// What its drills came to. Written by the task that makes them.
    pub(crate) drills: Mutex<Drills>,
}

impl Shared {
    pub(crate) fn new(config: Config, sources: Sources, outlet: Option<Outlet>) -> Self {
        let clock = sources.clock.clone();
        Self {
            config,
            sources,
            role: watch::Sender::new(Role::Bootstrap),
            term: watch::Sender::new(None),
            machine: watch::Sender::new(None),
            progress: watch::Sender::default(),
            primary: watch::Sender::default(),
            standbys: Standbys::new(clock.clone()),
            outlet,
            snapshots: watch::Sender::default(),
            catalog_read: Mutex::new(BootInstant::NEVER),
            listing: Notify::new(),
            handing_over: tokio::sync::Mutex::default(),
            snapshotter: watch::Sender::new(None),
            prunes: watch::Sender::new(None),
            leaving: watch::Sender::new(false),
            failure: Mutex::new(None),
            drills: Mutex::default(),
            clock,
        }
    }

    /// Where the primary is, as far as this node knows; `None` when it is this node or nobody.
    pub(crate) fn primary_endpoint(&self) -> Option<String> {
        let view = self.primary.borrow();
        let leader = view.leader.as_ref()?;
        (leader.serving && leader.candidate.node != self.sources.candidate.node)
            .then(|| leader.candidate.endpoint.clone())
    }

    /// Whether a drill has gone well within `[drill] ready_within`, if that is asked for.
    pub(crate) fn is_proved(&self) -> bool {
        let within = self.config.drill.ready_within.0;
        let proved = self.drills.lock().proved;
        within.is_zero() || proved.is_some_and(|proved| self.clock.now().since(proved.at) < within)
    }

    pub(crate) fn machine(&self) -> Option<SharedMachine> {
        self.machine.borrow().clone()
    }

    pub(crate) fn term(&self) -> Option<TermHandle> {
        self.term.borrow().clone()
    }

    /// Whether this node leads and its lease lasts: a term may be there for a while without one.
    pub(crate) fn leads(&self) -> bool {
        self.term().is_some_and(|term| term.leads().is_some())
    }
}

/// A question or an answer on its way through the node.
pub(crate) type Boxed = Box<dyn Any + Send>;
