//! What is kept where.
//!
//! ```text
//!   family     key                  value
//!   default    first seq, 8 bytes   the batch's frame, as it was appended
//!              big endian
//!   meta       cluster              whose log it is
//!              fence                who was let in last, and what it settled
//!              floor                what the first entry follows, once the log was trimmed or begun anew
//!              committed            how far followers may read, and from where the next term looks
//!              skips/{epoch:020}    entries passed over
//!              log-id               which disk it is
//!              cuts/{epoch:020}/    what a follower of this epoch cut: the frame of the batch that begins with this seq
//!                {first:020}
//! ```
//!
//! Big endian, so that the order of keys is the order of entries. The records are in a family of their own: with them among
//! the batches every file of the database would overlap every other, and be written again whenever one is merged.

use standfast_core::{Epoch, Seq};

/// The family of the batches.
pub(super) const BATCHES: &str = "default";
/// The family of the records.
pub(super) const META: &str = "meta";
/// Where skips begin.
pub(super) const SKIPS: &str = "skips/";

/// The key of the batch that begins with `first`.
pub(super) const fn batch_key(first: Seq) -> [u8; 8] {
    first.0.to_be_bytes()
}

/// The key of the entry that was passed over by the word of `epoch`.
pub(super) fn skip_key(epoch: Epoch) -> String {
    format!("{SKIPS}{:020}", epoch.0)
}

/// The key of a batch that a follower of `epoch` cut.
pub(super) fn cut_key(epoch: Epoch, first: Seq) -> String {
    format!("cuts/{:020}/{:020}", epoch.0, first.0)
}
