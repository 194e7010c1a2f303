use standfast_core::{Compared, Epoch, Position, Seq};

/// How far a follower has come; published on a watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Last batch end applied.
    pub position: Position,
    /// Highest epoch seen.
    pub epoch: Epoch,
    /// Whether it has reached the end of the log since it began to follow.
    pub caught_up: bool,
    /// What this node has seen committed, perhaps in an earlier life: it may be beyond what the log shows of itself until
    /// the next leader settles it.
    pub known: Seq,
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

#[cfg(test)]
mod tests {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};
    use standfast_core::Digest;

    use super::*;

    #[test]
    fn every_comparison_is_counted_as_what_it_was() {
        let recorder = DebuggingRecorder::new();
        let seen = recorder.snapshotter();
        let mut verified = Verified::default();
        let differs = Compared::Differs {
            seq: Seq(9),
            ours: Digest::default(),
            theirs: Digest::default(),
        };
        metrics::with_local_recorder(&recorder, || {
            for compared in [
                Compared::Equal(Seq(7)),
                Compared::Not,
                Compared::Not,
                differs,
            ] {
                verified.count(compared);
            }
        });
        let mut counted = Vec::new();
        for (key, _, _, value) in seen.snapshot().into_vec() {
            let DebugValue::Counter(count) = value else {
                panic!("{key:?}")
            };
            counted.push((key.key().name().to_owned(), count));
        }
        counted.sort();
        let wanted = [
            ("standfast_divergences_total", 1),
            ("standfast_unverified_batches_total", 2),
            ("standfast_verified_batches_total", 1),
        ];
        assert_eq!(
            counted,
            wanted.map(|(name, count)| (name.to_owned(), count))
        );
        assert_eq!((verified.equal_at, verified.equal), (Seq(7), 1));
        assert_eq!(verified.not_compared, 2);
    }
}
