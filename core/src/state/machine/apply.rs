use super::Machine;
use crate::batch::{Batch, DigestAt, Entry};
use crate::error::{Error, ErrorKind, Result};
use crate::state::command::Reply;
use crate::state::context::ApplyContext;
use crate::words::{Digest, Position, Seq};

/// How a batch's digest compared with ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The batch carries none, or one of a batch end we no longer know.
    Not,
    /// Equal at this Seq.
    Equal(Seq),
    /// Different: the states diverged at or before this Seq.
    Differs {
        /// Where.
        seq: Seq,
        /// Our digest there.
        ours: Digest,
        /// The writer's.
        theirs: Digest,
    },
}

/// What applying a batch did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Where the state stands now.
    pub position: Position,
    /// How the digest in the batch compared.
    pub compared: Compared,
    /// Entries of the batch that were passed over.
    pub skipped: u64,
}

/// What every node does, in the order of the log.
impl Machine {
    /// Applies one entry.
    ///
    /// # Errors
    /// `Gap` when it is not the next one; `Corrupt`, `Version` when it cannot be decoded, with its Seq and
    /// bytes (SM-5).
    pub fn apply(&mut self, entry: &Entry<'_>) -> Result<Reply> {
        self.check_next(entry)?;
        let mut reply = Reply::default();
        if entry.op_type.is_of_service() {
            reply = self.apply_service(entry)?;
            self.sessions.remember(&entry.id, entry.seq, reply.clone());
            for session in std::mem::take(&mut self.ended) {
                self.sessions.end(session);
            }
        }
        self.went_past(entry);
        Ok(reply)
    }

    fn check_next(&self, entry: &Entry<'_>) -> Result<()> {
        if entry.seq == self.applied.next() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Gap, "apply").context(format!(
            "entry {} after {}: want {}",
            entry.seq,
            self.applied,
            self.applied.next()
        )))
    }

    fn went_past(&mut self, entry: &Entry<'_>) {
        self.applied = entry.seq;
        if entry.timestamp_ms > self.stamp_ms {
            self.stamp_ms = entry.timestamp_ms;
            self.stamped_at = self.clock.now();
        }
    }

    fn apply_service(&mut self, entry: &Entry<'_>) -> Result<Reply> {
        let mut context = ApplyContext {
            cluster: self.cluster,
            seq: entry.seq,
            now_ms: entry.timestamp_ms,
            touched: &mut self.touched,
            ended: &mut self.ended,
        };
        self.service.apply(&mut context, entry).map_err(|error| {
            let bytes = entry
                .payload
                .get(..entry.payload.len().min(64))
                .unwrap_or_default();
            error.context(format!(
                "entry {} of op type {}, payload of {} bytes: {bytes:02x?}",
                entry.seq,
                entry.op_type,
                entry.payload.len()
            ))
        })
    }

    /// The entries applied so far were those of `batch`, which ends here. A capture that is wanted begins here.
    ///
    /// # Panics
    /// When the end of `batch` is not the last entry applied.
    pub fn batch_ends(&mut self, batch: &Batch) {
        let end = batch.end();
        assert_eq!(end.seq, self.applied, "a batch ends at its last entry");
        self.position = end;
        self.log_bytes += batch.frame().len() as u64;
        self.history.push(end, self.digest(), self.log_bytes);
        if self.wanted.is_some() {
            self.capture_if_wanted();
        }
    }

    /// Applies a whole committed batch and compares the digest it carries.
    ///
    /// # Errors
    /// `Gap` when it does not follow the state's Position; as [`Self::apply`]: the state then stands in
    /// mid-batch and must not be used further.
    pub fn apply_batch(&mut self, batch: &Batch) -> Result<Applied> {
        if !batch.follows(self.position) || self.applied != self.position.seq {
            return Err(Error::new(ErrorKind::Gap, "apply").context(format!(
                "batch {}..{} of epoch {} does not follow {}",
                batch.first(),
                batch.last(),
                batch.epoch(),
                self.position
            )));
        }
        let end = batch.end();
        let mut skipped = 0;
        for entry in batch.entries() {
            let entry = entry?;
            if self.is_skipped(entry.seq, end) {
                self.check_next(&entry)?;
                self.went_past(&entry);
                skipped += 1;
            } else {
                self.apply(&entry)?;
            }
        }
        self.batch_ends(batch);
        Ok(Applied {
            position: self.position,
            compared: self.compare(batch.digest_at()),
            skipped,
        })
    }

    fn is_skipped(&self, seq: Seq, batch: Position) -> bool {
        let mut skips = self.skips.iter();
        skips.any(|skip| skip.seq == seq && skip.batch == batch)
    }

    fn compare(&self, theirs: Option<DigestAt>) -> Compared {
        let Some(theirs) = theirs else {
            return Compared::Not;
        };
        // Whoever wrote it may have applied what we passed over.
        let mut skips = self.skips.iter();
        if skips.any(|skip| skip.seq <= theirs.seq && theirs.seq <= skip.through) {
            return Compared::Not;
        }
        match self.history.at(theirs.seq) {
            None => Compared::Not,
            Some((_, ours)) if ours == theirs.digest => Compared::Equal(theirs.seq),
            Some((_, ours)) => Compared::Differs {
                seq: theirs.seq,
                ours,
                theirs: theirs.digest,
            },
        }
    }
}
