//! The bytes that an answer carries: a layer passes answers of all types on, and looks into these.

use std::any::Any;

use bytes::Bytes;
use standfast_core::{Batch, Result, TailEvent};

/// How many bytes of batches or parts were read.
pub(super) fn bytes_of(answer: &dyn Any) -> usize {
    if let Some(part) = answer.downcast_ref::<Bytes>() {
        return part.len();
    }
    let batches = answer.downcast_ref::<Vec<Batch>>();
    let size = |batch: &Batch| batch.frame().len();
    batches.map_or(0, |batches| batches.iter().map(size).sum())
}

/// Flips the bit that `dice` picks in what was read; says whether there was one.
///
/// A batch goes through the decoder again, as a reader's does: the answer is then its error. A part is given as it is:
/// whoever restores it must notice.
///
/// # Errors
/// `Corrupt` or `Version`, by the decoder.
pub(super) fn flip_bit(answer: &mut dyn Any, dice: u64) -> Result<bool> {
    if let Some(part) = answer.downcast_mut::<Bytes>() {
        let flipped = flipped(part, dice);
        *part = flipped;
        return Ok(!part.is_empty());
    }
    let batches = match answer.downcast_mut::<TailEvent>() {
        Some(TailEvent::Batches(batches)) => Some(batches),
        _ => answer.downcast_mut::<Vec<Batch>>(),
    };
    match batches.and_then(|batches| batches.first_mut()) {
        Some(batch) => {
            *batch = Batch::decode(flipped(batch.frame(), dice))?;
            Ok(true)
        }
        None => Ok(false),
    }
}

fn flipped(bytes: &Bytes, dice: u64) -> Bytes {
    let mut bytes = bytes.to_vec();
    let bits = bytes.len() * 8;
    if bits > 0 {
        let bit = usize::try_from(dice).unwrap_or(usize::MAX) % bits;
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
    }
    Bytes::from(bytes)
}
