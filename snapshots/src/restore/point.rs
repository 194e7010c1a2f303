use standfast_core::{Batch, Result, Seq};

/// Up to where a state is made again.
///
/// A state is one at a batch end: who names an entry in the middle of a batch gets the end of the batch before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Point {
    /// As far as the log goes.
    #[default]
    Newest,
    /// No entry after this one.
    Seq(Seq),
    /// No entry that its leader stamped later, in milliseconds since 1970.
    Time(u64),
}

impl Point {
    /// Whether nothing in the batch is later.
    ///
    /// # Errors
    /// `Corrupt` when an entry cannot be read.
    pub fn includes(self, batch: &Batch) -> Result<bool> {
        match self {
            Self::Newest => Ok(true),
            Self::Seq(seq) => Ok(batch.last() <= seq),
            Self::Time(ms) => {
                for entry in batch.entries() {
                    if entry?.timestamp_ms > ms {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}
