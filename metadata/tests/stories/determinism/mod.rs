//! Whatever happens, every node comes to the same state.

mod step;
mod stories;
mod world;
