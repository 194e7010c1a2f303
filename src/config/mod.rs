//! The configuration: one TOML file, checked as a whole before anything starts.

mod backend;
mod file;
mod overrides;
mod problems;
mod sections;

pub use backend::BackendTable;
pub use file::Config;
pub(crate) use file::check_promises;
pub use problems::Problem;
pub use sections::{ClusterSection, Mode, NodeSection, RecoverySection};
