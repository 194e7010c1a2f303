//! Every node begins here: bootstrap, follow, and, once elected, promotion.
//!
//! ```text
//!   bootstrap ──▶ follow ──▶ promote ──▶ Handover
//!   snapshot,     committed   fence, settle, drain,
//!   suffix        batches     EpochStart
//! ```
//!
//! There is one path into mastership, and a lone node that restarts takes it too.

mod bootstrap;
mod follow;
mod hearing;
mod heartbeat;
mod high_water;
mod passed_over;
mod progress;
mod promotion;
mod recovery;
mod sources;
mod stream;

pub use bootstrap::{Bootstrapped, bootstrap};
pub use follow::{Followed, follow};
pub use heartbeat::{PrimaryView, Watcher, watch_primary};
pub use high_water::HighWater;
pub use progress::{Progress, Verified};
pub use promotion::{NotPromoted, promote};
pub use recovery::{
    Accepted, ColdStart, Drilled, Held, LeftOut, Lost, Recovered, Scratch, Step, Tell, accept_loss,
    cold_start, drill,
};
pub use sources::Sources;
pub use stream::Stream;
