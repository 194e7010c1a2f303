use serde::Serialize;
use serde_json::Value;

use crate::command::args::Output;
use crate::command::{Failure, output};

/// What a benchmark prints: one JSON object. `value` is the median of the runs.
#[derive(Debug, Serialize)]
pub(super) struct BenchReport {
    pub(super) bench: &'static str,
    pub(super) backend: &'static str,
    pub(super) params: Value,
    pub(super) runs: Vec<f64>,
    pub(super) value: f64,
    pub(super) max: f64,
    pub(super) unit: &'static str,
    pub(super) higher_is_better: bool,
    /// The same, done bare, in this very run; `None` where nothing is comparable.
    pub(super) yardstick: Option<f64>,
    /// Value through yardstick: the median over pairs.
    pub(super) ratio: Option<f64>,
    /// Measured once on the incumbent; no yardstick.
    pub(super) reference: Value,
    /// What it is to reach.
    pub(super) target: String,
    pub(super) holds: bool,
}

impl BenchReport {
    pub(super) fn print(&self, form: Output) -> Result<(), Failure> {
        match form {
            Output::Json => output::line(serde_json::to_string(self)?),
            Output::Table => {
                let ratio = self
                    .ratio
                    .map(|ratio| format!(", {ratio:.2} of the yardstick"))
                    .unwrap_or_default();
                output::line(format!(
                    "{} {} {}: median {:.2} {}, max {:.2}{ratio}; target {}: {}",
                    self.bench,
                    self.backend,
                    self.params,
                    self.value,
                    self.unit,
                    self.max,
                    self.target,
                    if self.holds { "holds" } else { "does not hold" }
                ))
            }
        }
    }
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

/// The largest.
pub(super) fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median(&[]).abs() < 1e-9);
        assert!((largest(&[1.0, 7.0, 2.0]) - 7.0).abs() < 1e-9);
    }
}
