//! The conformance suite on the stores of a configuration. Needs the feature `conformance`.
//!
//! The cases are those of [`standfast_core::conformance`]. Here they run on stores that factories open, as a node opens
//! them, each in scratch places beside the configured data: those are never looked at. This is what `standfast certify` does,
//! and all that a backend's author needs for a test:
//!
//! ```no_run
//! use standfast::conformance::{Plan, certify};
//! use standfast::standfast_core::Registry;
//!
//! # async fn test(registry: Registry) -> standfast::Result<()> {
//! let config = standfast::Config::from_text(
//!     r#"
//!     cluster = { id = "certified" }
//!     node = { id = "a", data_dir = "a" }
//!     oplog = { type = "mine", colour = "blue" }
//!     election = { type = "memory" }
//!     recovery = { mode = "log" }
//!     "#,
//!     std::env::temp_dir(),
//!     &registry,
//! )?;
//! let rows = certify(&config, &registry, &Plan::default()).await?;
//! let failed: Vec<_> = rows.iter().filter(|row| row.verdict.is_failed()).collect();
//! assert!(failed.is_empty(), "{failed:#?}");
//! # Ok(())
//! # }
//! ```

mod certify;
mod election;
mod log;
mod places;
mod processes;
mod snapshots;
mod suite;
mod tried;

pub use certify::certify;
pub use processes::{Processes, attend};
pub use standfast_core::conformance::*;
pub use suite::{Suite, check_scratch_name};
pub use tried::TriedStore;
