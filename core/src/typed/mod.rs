//! The typed adapter: a service as an enum of operations and a few plain functions, never bytes.

mod application;
mod rows;
mod service;

pub use application::{Application, Change};
pub use rows::{Rows, RowsMut};
pub use service::Typed;

#[cfg(test)]
mod tests;
