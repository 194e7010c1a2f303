//! The words every crate uses: numbers that order history, names, and digests.

mod bucket;
mod chain;
mod digest;
mod epoch;
mod identity;
mod position;
mod seq;
mod session;
mod token;

pub use bucket::{Bucket, Section, prefix_hash};
pub use chain::Chain;
pub use digest::Digest;
pub use epoch::Epoch;
pub use identity::{ClusterId, Fingerprint, NodeId};
pub use position::Position;
pub use seq::Seq;
pub use session::{RequestId, SessionId};
pub use token::FenceToken;
