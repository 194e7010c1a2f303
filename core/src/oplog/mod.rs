//! The contract of a log: [`OpLogStore`], its writers and its readers.

mod admission;
mod capabilities;
mod epoch_ends;
mod follower;
mod skip;
mod store;
mod tail;
mod usage;
mod writer;

pub use admission::{admit, admit_verbatim};
pub use capabilities::{Delivery, Fencing, OpLogCapabilities};
pub use epoch_ends::{add_end, common_end, epoch_ends};
pub use follower::FollowerWriter;
pub use skip::Skip;
pub use store::{Bounds, OpLogStore, ReadLimit, TrimGuard};
pub use tail::{OpLogTail, TailEvent};
pub use usage::Usage;
pub use writer::OpLogWriter;
