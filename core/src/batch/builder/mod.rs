use bytes::Bytes;

use super::entry::Entry;
use super::entry_codec::{Context, MAX_KEY, MAX_PAYLOAD};
use super::frame::{Batch, DigestAt};
use super::header::{FrameHeader, HEADER_LEN};
use crate::error::{Error, ErrorKind, Result};
use crate::words::{Epoch, Position, Seq};

/// Forms a batch entry by entry. What depends on the batch before it is filled in by [`Self::seal`].
#[derive(Debug)]
pub struct BatchBuilder {
    first: Seq,
    count: u32,
    base_ms: u64,
    context: Context,
    frame: Vec<u8>,
}

/// What [`BatchBuilder::seal`] needs to know of the log so far.
#[derive(Clone, Copy, Debug)]
pub struct BatchEnd {
    /// Term of the writer.
    pub epoch: Epoch,
    /// End of the batch before.
    pub previous: Position,
    /// Highest Seq known committed.
    pub committed: Seq,
    /// Digest of the state at an earlier batch end of this term.
    pub digest: Option<DigestAt>,
}

impl BatchBuilder {
    /// An empty batch whose first entry will be `first`.
    pub fn new(first: Seq) -> Self {
        Self {
            first,
            count: 0,
            base_ms: 0,
            context: Context::at(0),
            frame: vec![0; HEADER_LEN],
        }
    }

    /// The Seq that the next entry must carry.
    pub fn next_seq(&self) -> Seq {
        self.first.plus(u64::from(self.count))
    }

    /// Number of entries so far.
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is no entry yet.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Length of the frame so far, in bytes.
    pub const fn bytes(&self) -> usize {
        self.frame.len()
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// `Invalid` when its key or payload is over the limit; nothing was added then.
    ///
    /// # Panics
    /// When the entry's Seq is not [`Self::next_seq`]: the caller numbers entries densely.
    pub fn push(&mut self, entry: &Entry<'_>) -> Result<()> {
        assert_eq!(entry.seq, self.next_seq(), "entries are numbered densely");
        check_limit("key", entry.key.len(), MAX_KEY)?;
        check_limit("payload", entry.payload.len(), MAX_PAYLOAD)?;
        if self.count == 0 {
            self.base_ms = entry.timestamp_ms;
            self.context = Context::at(self.base_ms);
        }
        self.context.write(entry, &mut self.frame);
        self.count += 1;
        Ok(())
    }

    /// Closes the batch behind `end.previous`.
    ///
    /// # Errors
    /// `Invalid` for a batch without entries, or one of 4 GiB and more.
    ///
    /// # Panics
    /// When the first entry does not follow `end.previous`.
    pub fn seal(mut self, end: &BatchEnd) -> Result<Batch> {
        if self.count == 0 {
            return Err(Error::new(ErrorKind::Invalid, "seal batch")
                .context("a batch needs at least one entry"));
        }
        assert_eq!(
            self.first,
            end.previous.seq.next(),
            "batches are numbered densely"
        );
        let length = u32::try_from(self.frame.len()).map_err(|source| {
            Error::new(ErrorKind::Invalid, "seal batch")
                .context(format!(
                    "{} bytes in one batch, the limit is 4 GiB",
                    self.frame.len()
                ))
                .source(source)
        })?;
        let header = FrameHeader {
            length,
            epoch: end.epoch,
            first: self.first,
            count: self.count,
            committed: end.committed,
            previous: end.previous.chain,
            base_ms: self.base_ms,
            digest: end.digest.map(|at| (at.seq, at.digest)),
        };
        header.seal(&mut self.frame);
        Batch::decode(Bytes::from(self.frame))
    }
}

fn check_limit(what: &str, length: usize, limit: usize) -> Result<()> {
    if length <= limit {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, "form entry")
        .context(format!("a {what} of {length} bytes, the limit is {limit}")))
}

#[cfg(test)]
mod tests;
