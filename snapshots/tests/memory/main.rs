//! The stories over a store in memory that damages nothing and loses nothing unless told to.

#[cfg(test)]
#[path = "../stories/mod.rs"]
mod stories;

#[cfg(test)]
mod by_log;
#[cfg(test)]
mod capture;
#[cfg(test)]
mod ephemeral;
#[cfg(test)]
mod expiry;
#[cfg(test)]
mod layered_proof;
#[cfg(test)]
mod memory_store;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod pins;
#[cfg(test)]
mod wishes;

stories::all_stories_on!(crate::memory_store::MemoryFixture::new);
