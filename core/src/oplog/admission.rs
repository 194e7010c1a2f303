use super::OpLogCapabilities;
use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::words::{Epoch, Position};

/// What every log refuses before it writes a byte: whether the writer of `epoch` that stands at `tail` may append `batch`.
///
/// # Errors
/// `Unsupported` when it is beyond the declared limits (OL-9), `Gap` when it does not follow `tail` (OW-1), `Invalid` when it
/// is of another epoch, or calls committed what is not in the log.
pub fn admit(
    batch: &Batch,
    epoch: Epoch,
    tail: Position,
    limits: &OpLogCapabilities,
) -> Result<()> {
    let refuse = |kind, text: String| Err(Error::new(kind, "append").context(text));
    if batch.frame().len() > limits.max_batch_bytes || batch.len() > limits.max_batch_entries {
        return refuse(
            ErrorKind::Unsupported,
            format!(
                "a batch of {} bytes and {} entries, the limits are {} and {}",
                batch.frame().len(),
                batch.len(),
                limits.max_batch_bytes,
                limits.max_batch_entries
            ),
        );
    }
    if batch.epoch() != epoch {
        return refuse(
            ErrorKind::Invalid,
            format!(
                "a batch of epoch {}, the writer's is {epoch}",
                batch.epoch()
            ),
        );
    }
    if !batch.follows(tail) {
        return refuse(
            ErrorKind::Gap,
            format!(
                "the batch begins at seq {} behind chain {}, the log ends at {tail}",
                batch.first(),
                batch.previous()
            ),
        );
    }
    if batch.committed() > tail.seq {
        return refuse(
            ErrorKind::Invalid,
            format!(
                "the batch calls seq {} committed, the log ends at {tail}",
                batch.committed()
            ),
        );
    }
    Ok(())
}
