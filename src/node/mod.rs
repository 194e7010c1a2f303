//! A node: opens the stores, plays its role, and answers on two ports.

mod admin;
mod http;
mod lock;
mod open;
mod proposer;
mod role;
mod run;
mod serve;
mod shared;
mod snapshots;
mod status;
mod switchover;
#[cfg(test)]
mod test_parts;

pub use open::{Stores, make_stores, open_election, open_stores};
pub use run::{MakeRoutes, Node, NodeView, ServiceSetup};
pub use status::{ClusterStatus, NodeStatus};
