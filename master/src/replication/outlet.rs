use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use standfast_core::{Batch, Epoch, FenceToken, LogId, NodeId, OpLogStore, Position, Seq};
use tokio::sync::watch;

/// Where the streams of standbys meet the writer of the term. One for each node, whether it leads or not.
#[derive(Clone, Debug)]
pub struct Outlet(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    log: Arc<dyn OpLogStore>,
    newest: watch::Sender<Newest>,
    /// First entry that is still in the log, as far as this process knows.
    floor: AtomicU64,
    followers: watch::Sender<BTreeMap<NodeId, Follower>>,
    /// Who is handed the term, and what it said.
    successor: Mutex<Option<(NodeId, Follower)>>,
}

/// What there is to send.
#[derive(Clone, Debug, Default)]
pub(super) struct Newest {
    /// The term that is led; `None` when this node does not lead.
    pub(super) token: Option<FenceToken>,
    /// The last batch, once there is one of this term. All before it is in the log for all to read.
    pub(super) batch: Option<Batch>,
    /// End of what is committed.
    pub(super) committed: Position,
}

/// A standby that is, or was, sent the log of the newest term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follower {
    /// Which disk its log is on.
    pub log_id: LogId,
    /// End of what is synced in its log, as it said last.
    pub synced: Position,
}

impl Outlet {
    /// Nothing is sent until a term begins. `log` is this node's own.
    pub fn new(log: Arc<dyn OpLogStore>) -> Self {
        Self(Arc::new(Inner {
            log,
            newest: watch::Sender::default(),
            floor: AtomicU64::new(1),
            followers: watch::Sender::default(),
            successor: Mutex::default(),
        }))
    }

    /// What the successor said that [`Self::choose`] has waited for, if it is `node`.
    pub fn chosen(&self, node: &NodeId) -> Option<Follower> {
        let successor = self.0.successor.lock();
        let chosen = successor.as_ref().filter(|(chosen, _)| chosen == node);
        chosen.map(|(_, follower)| *follower)
    }

    /// Waits until the standby of this name, which is connected, has said that `position` is synced in its log, and remembers
    /// that: its stream ends with the term.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub async fn choose(&self, node: &NodeId, position: Position) {
        let mut followers = self.0.followers.subscribe();
        let is_there = |followers: &BTreeMap<NodeId, Follower>| {
            let follower = followers.get(node);
            follower.is_some_and(|follower| follower.synced == position)
        };
        let reached = followers.wait_for(is_there).await.is_ok();
        if !reached {
            std::future::pending::<()>().await;
        }
        let follower = followers.borrow().get(node).copied();
        *self.0.successor.lock() = follower.map(|follower| (node.clone(), follower));
    }

    /// End of what the newest term has committed; of use until the next one begins.
    pub fn committed(&self) -> Position {
        self.0.newest.borrow().committed
    }

    /// The log begins here by now.
    pub fn trimmed(&self, floor: Seq) {
        self.0.floor.fetch_max(floor.0, Ordering::Relaxed);
    }

    pub(super) fn log(&self) -> &dyn OpLogStore {
        &*self.0.log
    }

    pub(super) fn floor(&self) -> Seq {
        Seq(self.0.floor.load(Ordering::Relaxed))
    }

    pub(super) fn newest(&self) -> watch::Receiver<Newest> {
        self.0.newest.subscribe()
    }

    /// A term begins behind `tail`.
    pub(super) fn begin(&self, token: &FenceToken, tail: Position) {
        self.0.followers.send_replace(BTreeMap::new());
        *self.0.successor.lock() = None;
        self.0.newest.send_replace(Newest {
            token: Some(token.clone()),
            batch: None,
            committed: tail,
        });
    }

    /// A batch was committed.
    pub(super) fn appended(&self, batch: &Batch) {
        self.0.newest.send_modify(|newest| {
            newest.committed = batch.end();
            newest.batch = Some(batch.clone());
        });
    }

    /// The term of this epoch has no writer any more.
    pub(super) fn end(&self, epoch: Epoch) {
        self.0.newest.send_if_modified(|newest| {
            let ends = newest
                .token
                .as_ref()
                .is_some_and(|token| token.epoch == epoch);
            if ends {
                newest.token = None;
                newest.batch = None;
            }
            ends
        });
    }

    /// A standby's stream has ended: what it said counts no more.
    pub(super) fn left(&self, node: &NodeId, log_id: LogId) {
        self.0.followers.send_if_modified(|followers| {
            let is_own = followers
                .get(node)
                .is_some_and(|follower| follower.log_id == log_id);
            is_own && followers.remove(node).is_some()
        });
    }

    /// A standby's log is synced up to here.
    pub(super) fn synced(&self, node: &NodeId, follower: Follower) {
        self.0.followers.send_modify(|followers| {
            followers.insert(node.clone(), follower);
        });
    }
}
