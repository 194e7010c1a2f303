//! What every log refuses before it writes a byte (OW-1, OL-9).

use standfast_core::{Batch, Epoch, Error, ErrorKind, OpLogCapabilities, Position, Result};

/// Whether `batch` may be appended by the writer of `epoch` that stands at `tail`.
pub(crate) fn admit(
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
