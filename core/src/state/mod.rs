//! What a service implements, and what Standfast keeps beside its state.

mod captured_map;
mod command;
mod context;
mod digest_table;
mod machine;
mod restore;
mod row_sum;
mod service;
mod sessions;

pub use captured_map::{BucketMut, CapturedMap};
pub use command::{AnswerWhen, Command, Decision, Op, Outcome, Refusal, Reply, RequestHeader};
pub use context::{ApplyContext, DecideContext};
pub use digest_table::DigestTable;
pub use machine::{
    Applied, Base, CaptureWhen, Captured, Compared, Considered, Machine, SharedMachine,
};
pub use restore::MachineRestore;
pub use row_sum::RowSum;
pub use service::{CaptureId, EachChange, Portion, Service, ShadowState, StateMachine};
pub use sessions::{Recall, SESSION_WINDOW, Sessions};
