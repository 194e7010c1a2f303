//! The service: what the primary decides, and the state machine around the tables.

mod allocate;
mod decide;
mod decide_put;
mod decide_remount;
mod decide_remove;
mod decide_segment;
mod decide_transfer;
mod decide_upsert;
mod dice;
mod evict;
mod list;
mod machine;
mod query;
mod quota;
mod soft;
mod strategy;
mod upkeep;

pub use machine::MetadataService;
