//! The stories over a store in memory that damages nothing and loses nothing unless told to.

#[path = "../stories/mod.rs"]
mod stories;

mod capture;
mod memory_store;
mod metrics;

stories::all_stories_on!(crate::memory_store::MemoryFixture::new);
