//! One snapshot in one file, to be carried elsewhere.

mod export;
mod header;
mod import;
mod open;
#[cfg(test)]
mod tests;

pub use export::export;
pub use header::{ARCHIVE_FORMAT, ArchiveHeader};
pub use import::import;
pub use open::Archive;
