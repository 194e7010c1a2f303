//! Stories that every log has to pass, told once and run for each backend.

pub(crate) mod begun;
pub(crate) mod oplog;
pub(crate) mod race;
mod support;
pub(crate) mod tailing;

pub(crate) use oplog::{LogFixture, oplog_stories};
pub(crate) use support::*;
