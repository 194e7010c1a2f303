//! A cold start that cannot be complete: what it would come to, and how an operator goes on without the rest.
//!
//! ```text
//!   cold_start     restore, replay as far as the log reaches; changes nothing
//!   drill          a Scratch up to the newest entry, and what is wrong with what is stored
//!   Scratch        the same beside nodes that run, up to any point: how far it is proved, how long it takes
//!   accept_loss    fence ──▶ catalog without what was not restored ──▶ log begun anew, where it is broken
//!                  ──▶ EpochStart, marked unclean: whoever knows more learns of the loss from it
//! ```

mod accept;
mod cold_start;
mod drill;
mod scratch;
mod step;

pub use accept::{Accepted, accept_loss};
pub use cold_start::{ColdStart, Lost, cold_start};
pub use drill::{Drilled, drill};
pub use scratch::{Held, LeftOut, Recovered, Scratch};
pub use step::{Step, Tell};
