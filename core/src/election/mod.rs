//! The contract of an election: [`ElectionBackend`] and the [`Leadership`] it grants.

mod backend;
mod lapsed;
mod leadership;
mod records;

pub use backend::{ElectionBackend, ElectionCapabilities, ElectionWatch, Registration};
pub use lapsed::lapsed;
pub use leadership::Leadership;
pub use records::{Candidate, LeaderRecord, LogId, Member, Role, TermRecord};
