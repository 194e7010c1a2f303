use std::collections::BTreeMap;

use serde::Serialize;

use super::Checked;

/// What a load came to: the stable JSON of `standfast replay`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Puts that the master acknowledged.
    pub acknowledged: u64,
    /// Acknowledged, and not there at the end though nobody removed them. `None` until they were looked for.
    pub missing: Option<u64>,
    /// Puts that were begun and not acknowledged: refused, in doubt, or cut off by the end of the load.
    pub not_acknowledged: u64,
    /// Acknowledged, not there at the end, and taken away on purpose as the log says. `None` until they were looked for.
    pub evicted: Option<u64>,
    /// The part of the blocks looked up that was there, 0 to 1.
    pub hit_rate: f64,
    /// Blocks looked up and blocks put, a second.
    pub ops_per_s: f64,
    /// From the beginning of a put to its acknowledgement, median, in milliseconds.
    pub p50_ms: f64,
    /// The same, of the slowest hundredth.
    pub p99_ms: f64,
    /// Longest time between two acknowledgements while there were requests to serve, in milliseconds.
    pub longest_gap_ms: f64,
    /// What went wrong, by kind.
    pub errors: BTreeMap<String, u64>,
}

impl Report {
    /// The report with what became of the acknowledged puts.
    #[must_use]
    pub fn with(mut self, checked: &Checked) -> Self {
        self.missing = Some(checked.missing.len() as u64);
        self.evicted = Some(checked.evicted);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_find_the_fields_they_were_promised() {
        let json = serde_json::to_value(Report::default()).unwrap();
        let names: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        let mut promised = [
            "acknowledged",
            "missing",
            "not_acknowledged",
            "evicted",
            "hit_rate",
            "ops_per_s",
            "p50_ms",
            "p99_ms",
            "longest_gap_ms",
            "errors",
        ];
        promised.sort_unstable();
        assert_eq!(names, promised);
        assert!(json["missing"].is_null(), "not looked for is not 0");
    }
}
