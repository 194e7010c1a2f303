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
    check_size(batch, limits)?;
    if batch.epoch() != epoch {
        return refuse(
            ErrorKind::Invalid,
            format!(
                "a batch of epoch {}, the writer's is {epoch}",
                batch.epoch()
            ),
        );
    }
    check_place(batch, tail)
}

/// The same for a follower that has promised `epoch`: it takes what older terms wrote as well.
///
/// # Errors
/// As [`admit`]; `Invalid` when the batch is of a higher epoch.
pub fn admit_verbatim(
    batch: &Batch,
    epoch: Epoch,
    tail: Position,
    limits: &OpLogCapabilities,
) -> Result<()> {
    check_size(batch, limits)?;
    if batch.epoch() > epoch {
        return refuse(
            ErrorKind::Invalid,
            format!("a batch of epoch {}, {epoch} is promised", batch.epoch()),
        );
    }
    check_place(batch, tail)
}

fn check_size(batch: &Batch, limits: &OpLogCapabilities) -> Result<()> {
    if batch.frame().len() <= limits.max_batch_bytes && batch.len() <= limits.max_batch_entries {
        return Ok(());
    }
    refuse(
        ErrorKind::Unsupported,
        format!(
            "a batch of {} bytes and {} entries, the limits are {} and {}",
            batch.frame().len(),
            batch.len(),
            limits.max_batch_bytes,
            limits.max_batch_entries
        ),
    )
}

fn check_place(batch: &Batch, tail: Position) -> Result<()> {
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

fn refuse(kind: ErrorKind, text: String) -> Result<()> {
    Err(Error::new(kind, "append").context(text))
}
