//! The typed adapter: a service as an enum of operations and a few plain functions, never bytes.

mod application;
mod proposer;
mod rows;
mod service;

pub use application::{Application, Change};
pub use proposer::TypedProposer;
pub use rows::{Rows, RowsMut};
pub use service::Typed;

#[cfg(test)]
mod tests;
