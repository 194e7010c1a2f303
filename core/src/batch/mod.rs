//! The log's format: entries in batches, each batch one frame.

mod builder;
mod entry;
mod entry_codec;
mod epoch_start;
mod frame;
mod header;
mod varint;

pub use builder::{BatchBuilder, BatchEnd};
pub use entry::{Entry, EntryId, OpType};
pub use entry_codec::{Entries, MAX_KEY, MAX_PAYLOAD};
pub use epoch_start::{EpochStart, Versions};
pub use frame::{Batch, DigestAt};
pub use header::{FORMAT_VERSION, FrameHeader, HEADER_LEN, MAGIC};
pub use varint::{read_varint, write_varint};
