//! The configuration: one TOML file, checked as a whole before anything starts.

mod backend;
mod file;
mod overrides;
mod problems;
mod promises;
mod reader;
mod replication;
mod sections;

pub use backend::BackendTable;
pub use file::Config;
pub use problems::{Place, Problem};
pub(crate) use promises::check_promises;
pub use replication::{OnTooFew, ReplicationMode, ReplicationSection};
pub(crate) use sections::default_prefix;
pub use sections::{ClusterSection, DrillSection, Failover, Mode, NodeSection, RecoverySection};
