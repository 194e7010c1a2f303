use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
        }))
    }

    /// The standby of this name, if it was sent the log of the newest term.
    pub fn follower(&self, node: &NodeId) -> Option<Follower> {
        self.0.followers.borrow().get(node).copied()
    }

    /// Waits until the standby of this name has said that `position` is synced in its log.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub async fn reached(&self, node: &NodeId, position: Position) {
        let mut followers = self.0.followers.subscribe();
        let is_there = |followers: &BTreeMap<NodeId, Follower>| {
            let follower = followers.get(node);
            follower.is_some_and(|follower| follower.synced == position)
        };
        if followers.wait_for(is_there).await.is_err() {
            std::future::pending::<()>().await;
        }
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

    /// A standby's log is synced up to here.
    pub(super) fn synced(&self, node: &NodeId, follower: Follower) {
        self.0.followers.send_modify(|followers| {
            followers.insert(node.clone(), follower);
        });
    }
}
