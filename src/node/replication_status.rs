use serde::{Deserialize, Serialize};
use standfast_core::{NodeId, Role, Seq};
use standfast_master::Outlet;

use super::status::NodeStatus;

/// A standby with a log of its own, as its primary sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandbyStatus {
    /// Name.
    pub id: NodeId,
    /// Up to this entry its log is synced.
    pub synced_seq: Seq,
    /// Entries of the primary that are not, committed or not.
    pub unsynced_entries: u64,
}

impl NodeStatus {
    /// Adds who is sent the log of a node that leads, or is about to, and whose logs count.
    pub(super) fn add_replication(&mut self, outlet: &Outlet) {
        let leads = matches!(self.role, Role::Primary | Role::Promoting);
        let Some(replication) = outlet.status().filter(|_| leads) else {
            return;
        };
        self.in_sync_set = replication.in_sync;
        self.too_few_in_sync = replication.too_few;
        let tail = self.tail_seq;
        let standbys = replication.standbys.into_iter();
        let standbys = standbys.map(|(id, synced_seq)| StandbyStatus {
            id,
            synced_seq,
            unsynced_entries: tail.since(synced_seq),
        });
        self.standbys = standbys.collect();
    }
}
