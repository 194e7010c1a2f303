use standfast_core::{BootInstant, Compared, Epoch, Position, Seq};

/// How far a follower has come; published on a watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Last batch end applied.
    pub position: Position,
    /// Highest epoch seen.
    pub epoch: Epoch,
    /// Whether it has reached the end of the log since it began to follow.
    pub caught_up: bool,
    /// When it was last at the end.
    pub at_end: BootInstant,
    /// What came of the digests that the batches carry.
    pub verified: Verified,
}

/// The digests of the primary's batches, compared with ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Equal, up to this Seq.
    pub equal_at: Seq,
    /// How many were equal.
    pub equal: u64,
    /// How many batches carried none that could be compared.
    pub not_compared: u64,
}

impl Verified {
    pub(crate) fn count(&mut self, compared: Compared) {
        match compared {
            Compared::Equal(seq) => {
                self.equal += 1;
                self.equal_at = seq;
                metrics::counter!("standfast_verified_batches_total").increment(1);
            }
            Compared::Not => {
                self.not_compared += 1;
                metrics::counter!("standfast_unverified_batches_total").increment(1);
            }
            Compared::Differs { .. } => {
                metrics::counter!("standfast_divergences_total").increment(1);
            }
        }
    }
}
