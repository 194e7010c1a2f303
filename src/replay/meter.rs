use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use standfast_core::{BootInstant, Clock};

use super::Report;
use super::gaps::Gaps;

/// Latencies are told apart up to an hour.
const LONGEST_US: u64 = 3_600_000_000;

/// Counts and times what a load does. Shared by all its clients; may be read while the load goes on.
pub struct Meter {
    clock: Clock,
    counts: Mutex<Counts>,
}

/// How far a load is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Requests of the trace that were played to the end.
    pub requests: u64,
    /// Puts acknowledged.
    pub acknowledged: u64,
    /// Blocks looked up and put.
    pub operations: u64,
    /// Of those looked up, the ones that were there.
    pub hits: u64,
    /// Things that went wrong.
    pub errors: u64,
    /// Time since the last acknowledgement; zero before the first.
    pub silent_for: Duration,
}

struct Counts {
    began: Option<BootInstant>,
    ended: Option<BootInstant>,
    requests: u64,
    looked_up: u64,
    hits: u64,
    put: u64,
    there: u64,
    acknowledged: u64,
    errors: BTreeMap<String, u64>,
    latency_us: Histogram<u64>,
    gaps: Gaps,
}

impl Meter {
    /// A meter that stands still until the load begins.
    ///
    /// # Panics
    /// Never: the histogram's bounds are constants that it takes.
    pub fn new(clock: Clock) -> Self {
        let latency_us = Histogram::new_with_bounds(1, LONGEST_US, 3)
            .expect("the bounds rise, and three significant digits are allowed");
        Self {
            clock,
            counts: Mutex::new(Counts {
                began: None,
                ended: None,
                requests: 0,
                looked_up: 0,
                hits: 0,
                put: 0,
                there: 0,
                acknowledged: 0,
                errors: BTreeMap::new(),
                latency_us,
                gaps: Gaps::default(),
            }),
        }
    }

    pub(super) fn now(&self) -> BootInstant {
        self.clock.now()
    }

    pub(super) fn start(&self) {
        self.counts.lock().began = Some(self.clock.now());
    }

    /// The load is over. A silence that nobody broke any more is a gap, if something was asked in it.
    pub(super) fn stop(&self) {
        let now = self.clock.now();
        let mut counts = self.counts.lock();
        if counts.gaps.is_open() {
            counts.gaps.close(now);
        }
        counts.ended = Some(now);
    }

    pub(super) fn request_begins(&self) {
        let now = self.clock.now();
        self.counts.lock().gaps.begin(now);
    }

    pub(super) fn request_ends(&self) {
        let mut counts = self.counts.lock();
        counts.gaps.end();
        counts.requests += 1;
    }

    pub(super) fn looked_up(&self, blocks: u64, hits: u64) {
        let mut counts = self.counts.lock();
        counts.looked_up += blocks;
        counts.hits += hits;
    }

    pub(super) fn put_begins(&self, blocks: u64) {
        self.counts.lock().put += blocks;
    }

    /// Somebody else puts this block, or has put it.
    pub(super) fn was_there(&self) {
        self.counts.lock().there += 1;
    }

    pub(super) fn acknowledged(&self, blocks: u64, begun: BootInstant) {
        if blocks == 0 {
            return;
        }
        let now = self.clock.now();
        let took = u64::try_from(now.since(begun).as_micros()).unwrap_or(u64::MAX);
        let mut counts = self.counts.lock();
        counts.acknowledged += blocks;
        counts.latency_us.saturating_record_n(took.max(1), blocks);
        counts.gaps.acknowledged(now);
    }

    pub(super) fn error(&self, kind: String) {
        *self.counts.lock().errors.entry(kind).or_default() += 1;
    }

    /// How far the load is.
    pub fn progress(&self) -> Progress {
        let now = self.clock.now();
        let counts = self.counts.lock();
        Progress {
            requests: counts.requests,
            acknowledged: counts.acknowledged,
            operations: counts.looked_up + counts.acknowledged,
            hits: counts.hits,
            errors: counts.errors.values().sum(),
            silent_for: counts.gaps.silent_for(now),
        }
    }

    /// What the load came to so far.
    pub fn report(&self) -> Report {
        let now = self.clock.now();
        let counts = self.counts.lock();
        let until = counts.ended.unwrap_or(now);
        let seconds = counts
            .began
            .map_or(0.0, |began| until.since(began).as_secs_f64());
        Report {
            acknowledged: counts.acknowledged,
            missing: None,
            not_acknowledged: counts.put - counts.acknowledged - counts.there,
            evicted: None,
            hit_rate: ratio(counts.hits, counts.looked_up),
            ops_per_s: if seconds > 0.0 {
                to_f64(counts.looked_up + counts.acknowledged) / seconds
            } else {
                0.0
            },
            p50_ms: to_f64(counts.latency_us.value_at_quantile(0.50)) / 1e3,
            p99_ms: to_f64(counts.latency_us.value_at_quantile(0.99)) / 1e3,
            longest_gap_ms: counts.gaps.longest().as_secs_f64() * 1e3,
            errors: counts.errors.clone(),
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Meter").field(&self.progress()).finish()
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    to_f64(part) / to_f64(whole)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a load are far below 2^53"
)]
const fn to_f64(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn every_put_is_acknowledged_there_already_or_neither() {
        let meter = Meter::new(Clock::manual());
        meter.start();
        meter.looked_up(10, 4);
        meter.put_begins(6);
        meter.was_there();
        meter.acknowledged(3, meter.now());
        meter.error("busy".to_owned());
        meter.clock.advance(ms(500));
        meter.stop();
        meter.clock.advance(ms(500));

        let report = meter.report();

        assert_eq!((report.acknowledged, report.not_acknowledged), (3, 2));
        assert!((report.hit_rate - 0.4).abs() < 1e-9);
        assert!((report.ops_per_s - 26.0).abs() < 1e-9, "{report:?}");
        assert_eq!(report.errors["busy"], 1);
        assert_eq!(report.missing, None);
    }

    #[test]
    fn a_gap_is_the_cluster_s_silence_and_not_the_trace_s() {
        let meter = Meter::new(Clock::manual());
        meter.start();
        let put = |wait| {
            meter.request_begins();
            let begun = meter.now();
            meter.put_begins(1);
            meter.clock.advance(ms(wait));
            meter.acknowledged(1, begun);
            meter.request_ends();
        };
        put(900);
        meter.clock.advance(ms(700));
        put(40);
        assert!((meter.report().longest_gap_ms - 40.0).abs() < 1e-9);

        // A request that hangs in its lookup is silence as well, also when the load ends with it.
        meter.request_begins();
        meter.clock.advance(ms(300));
        meter.stop();
        assert!((meter.report().longest_gap_ms - 300.0).abs() < 1e-9);
    }

    #[test]
    fn latency_counts_each_block_from_the_beginning_of_its_put() {
        let meter = Meter::new(Clock::manual());
        let begun = meter.now();
        meter.put_begins(100);
        meter.clock.advance(ms(2));
        meter.acknowledged(98, begun);
        meter.clock.advance(ms(98));
        meter.acknowledged(2, begun);
        let report = meter.report();
        assert!((report.p50_ms - 2.0).abs() < 0.01, "{report:?}");
        assert!((report.p99_ms - 100.0).abs() < 0.1, "{report:?}");
    }
}
