use serde::Serialize;

/// How latencies spread, in the report's unit.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Latency {
    /// Of these values; all 0 of none.
    pub(super) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self {
            p50: at_rank(&sorted, 50),
            p99: at_rank(&sorted, 99),
            max: sorted.last().copied().unwrap_or(0.0),
        }
    }
}

/// The smallest value that so many percent do not exceed.
fn at_rank(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0.0)
}

/// The middle one; the mean of the two middle ones of an even number. 0 of none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
    if sorted.len() % 2 == 1 {
        at(middle)
    } else {
        f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(&[]).abs() < 1e-9);
    }

    #[test]
    fn one_in_a_hundred_is_above_the_99th_percentile() {
        let values: Vec<_> = (1..=100).rev().map(f64::from).collect();
        let latency = Latency::of(&values);
        assert!((latency.p50 - 50.0).abs() < 1e-9);
        assert!((latency.p99 - 99.0).abs() < 1e-9);
        assert!((latency.max - 100.0).abs() < 1e-9);
        assert!((Latency::of(&[7.0]).p99 - 7.0).abs() < 1e-9);
        assert!(Latency::of(&[]).max.abs() < 1e-9);
    }
}
