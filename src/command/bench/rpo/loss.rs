use serde::Serialize;
use standfast::replay::{Acknowledged, BlockKey};

/// What became of acknowledged writes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Loss {
    /// Writes acknowledged before the kill.
    pub(crate) acknowledged: u64,
    /// Those of any time that the next primary does not have.
    pub(crate) lost: u64,
    /// From the acknowledgement of the oldest lost write to the kill.
    pub(crate) window_ms: f64,
}

impl Loss {
    /// Of one kill. `record` is what the writers noted, `missing` what the next primary does not have, `killed_us` when
    /// the kill was sent, in the time of the record.
    pub(super) fn of_kill(record: &[Acknowledged], missing: &[BlockKey], killed_us: u64) -> Self {
        let missing: std::collections::HashSet<_> = missing.iter().collect();
        let oldest = record
            .iter()
            .filter(|one| missing.contains(&one.key))
            .map(|one| one.at_us)
            .min();
        let before = record.iter().filter(|one| one.at_us <= killed_us).count();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
        let ms = |us: u64| us as f64 / 1e3;
        Self {
            acknowledged: before as u64,
            lost: missing.len() as u64,
            window_ms: oldest.map_or(0.0, |oldest| ms(killed_us.saturating_sub(oldest))),
        }
    }

    /// Of several kills: sums, and the longest window.
    pub(super) fn of_all(kills: &[Self]) -> Self {
        kills.iter().fold(Self::default(), |all, one| Self {
            acknowledged: all.acknowledged + one.acknowledged,
            lost: all.lost + one.lost,
            window_ms: all.window_ms.max(one.window_ms),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(times: &[u64]) -> Vec<Acknowledged> {
        let numbered = times.iter().zip(0..);
        numbered
            .map(|(at_us, id)| Acknowledged {
                at_us: *at_us,
                key: BlockKey::of(id, 0),
            })
            .collect()
    }

    #[test]
    fn the_window_reaches_back_to_the_oldest_write_that_is_lost() {
        let record = record(&[1_000, 2_000, 3_000, 9_000]);
        let missing = [BlockKey::of(2, 0), BlockKey::of(1, 0)];
        let loss = Loss::of_kill(&record, &missing, 5_000);
        assert_eq!(
            loss,
            Loss {
                acknowledged: 3,
                lost: 2,
                window_ms: 3.0
            }
        );
        assert_eq!(Loss::of_kill(&record, &[], 5_000).lost, 0);
    }

    #[test]
    fn one_lost_write_of_many_kills_is_not_averaged_away() {
        let one = |lost, window_ms| Loss {
            acknowledged: 10,
            lost,
            window_ms,
        };
        let all = Loss::of_all(&[one(0, 0.0), one(1, 7.0), one(0, 0.0)]);
        assert_eq!((all.acknowledged, all.lost), (30, 1));
        assert!((all.window_ms - 7.0).abs() < 1e-9);
    }
}
