//! A node: opens the stores, plays its role, and answers on two ports.

mod admin;
mod builder;
mod cover;
mod drills;
mod http;
mod lock;
mod log_limit;
mod may_block;
mod open;
mod overdue;
mod proposer;
mod prune;
mod relief;
mod replication_status;
mod role;
mod run;
mod serve;
mod setup;
mod shared;
mod snapshots;
mod status;
mod stream;
mod switchover;
#[cfg(test)]
mod test_parts;
mod told;
mod troubles;
mod view;

pub use builder::NodeBuilder;
pub use lock::DataDirLock;
pub use open::{Stores, make_stores, open_election, open_stores};
pub use replication_status::StandbyStatus;
pub use run::Node;
#[cfg(feature = "testing")]
pub(crate) use run::play;
#[cfg(feature = "testing")]
pub(crate) use shared::Shared;
pub use status::{ClusterStatus, DrillStatus, NodeStatus};
pub use view::NodeView;
