use serde::Serialize;
use standfast::config::{Config, Mode};
use standfast_core::MOST_LAYERS;
use standfast_master::Ack;

use super::bucket::Bucket;
use super::present::Present;

/// Rows that a cold start restores in a second: what `standfast bench coldstart` measured (docs/performance.md), rounded
/// down.
const RESTORED_ROWS_PER_S: f64 = 1_000_000.0;
/// Entries that it replays in a second: the same.
const REPLAYED_ENTRIES_PER_S: f64 = 300_000.0;
/// What it takes besides: the process, the election, the first entry of its term.
const START_S: f64 = 0.3;
/// How long a snapshot that is due waits for a good moment to begin, at most (docs/choosing.md).
const SNAPSHOT_WAIT_MS: u64 = 5000;

/// What an outage comes to: from the configuration, and from what the stores hold now, if they were looked at.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Prediction {
    /// Acknowledged writes that a crash of the primary takes with it, at most; none: all of them.
    pub(super) lost_with_primary: Option<Loss>,
    /// Whether there is a log that could be lost.
    pub(super) keeps_log: bool,
    /// Those that are lost when the log is lost, and the snapshots are not; none: all of them.
    pub(super) lost_with_log: Option<Loss>,
    pub(super) cold_start: Option<ColdStart>,
    pub(super) disk: Option<Disk>,
    /// Where snapshots are kept by servers.
    pub(super) bucket: Option<Bucket>,
}

/// Of the last writes before the event: up to the least of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Loss {
    /// At most so many; none: however many were written in that time.
    pub(super) entries: Option<u64>,
    /// At most so many bytes of log; none: however many.
    pub(super) bytes: Option<u64>,
    pub(super) ms: u64,
    /// Where a snapshot is what ends it: what comes in so long until that begins, and while it is made, is lost too.
    pub(super) snapshot_wait_ms: Option<u64>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct ColdStart {
    /// Rows of the snapshot it begins with.
    pub(super) rows: u64,
    /// Entries it replays.
    pub(super) entries: u64,
    pub(super) seconds: f64,
    /// The same just before the next snapshot; none while nobody knows how fast the log grows.
    pub(super) at_worst_seconds: Option<f64>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Disk {
    /// What the log takes.
    pub(super) log_bytes: u64,
    /// What it may grow by.
    pub(super) available_bytes: u64,
    pub(super) log_bytes_per_s: Option<u64>,
    /// What the log comes to before it is trimmed, but for the segments it is written to; none: it never is.
    pub(super) trimmed_at_bytes: Option<u64>,
    /// Until the disk is full or the log at its limit; none: trimming keeps it below, or nobody knows how fast it grows.
    pub(super) full_in_seconds: Option<u64>,
}

impl Prediction {
    pub(super) fn new(config: &Config, present: Option<&Present>) -> Self {
        let master = &config.master;
        let since_snapshot = since_snapshot(config, present);
        let lost_with_primary = match (master.ack, config.recovery.mode, since_snapshot) {
            (_, Mode::Snapshot, since) => since,
            (Ack::Durable | Ack::Replicated, ..) => Some(Loss::of_log(0, 0)),
            (Ack::Async, ..) => Some(Loss::of_log(
                master.max_unflushed,
                millis(master.max_unflushed_age.0),
            )),
        };
        let lost_with_log = since_snapshot.filter(|_| config.recovery.mode == Mode::Hybrid);
        Self {
            lost_with_primary,
            keeps_log: config.oplog.is_some(),
            lost_with_log,
            cold_start: present.map(|present| cold_start(config, present)),
            disk: present.and_then(|present| disk(config, present)),
            bucket: present.and_then(|present| bucket(config, present)),
        }
    }
}

impl Loss {
    /// Of what had not reached the log.
    const fn of_log(entries: u64, ms: u64) -> Self {
        Self {
            entries: Some(entries),
            bytes: None,
            ms,
            snapshot_wait_ms: None,
        }
    }
}

/// What came after the newest snapshot, at most: by the configuration, or what there is if that is more. None: there is no
/// snapshot.
fn since_snapshot(config: &Config, present: Option<&Present>) -> Option<Loss> {
    let (_, policy) = config.snapshots.as_ref()?;
    let by_policy = Loss {
        entries: (policy.every_entries > 0).then_some(policy.every_entries),
        bytes: (policy.every_bytes.0 > 0).then_some(policy.every_bytes.0),
        ms: millis(policy.every.0),
        snapshot_wait_ms: Some(SNAPSHOT_WAIT_MS),
    };
    let Some(present) = present else {
        return Some(by_policy);
    };
    let suffix_bytes = whole(number(present.suffix) * present.bytes_per_entry);
    Some(Loss {
        entries: by_policy.entries.map(|most| most.max(present.suffix)),
        bytes: by_policy.bytes.map(|most| most.max(suffix_bytes)),
        ms: by_policy.ms.max(present.newest_age_ms?),
        ..by_policy
    })
}

fn cold_start(config: &Config, present: &Present) -> ColdStart {
    let seconds = |entries: f64| {
        let restored = number(present.rows) / RESTORED_ROWS_PER_S;
        round(START_S + restored + entries / REPLAYED_ENTRIES_PER_S)
    };
    ColdStart {
        rows: present.rows,
        entries: present.suffix,
        seconds: seconds(number(present.suffix)),
        // Without a log nothing is replayed.
        at_worst_seconds: between_snapshots(config, present)
            .filter(|_| config.oplog.is_some())
            .map(|entries| seconds(entries.max(number(present.suffix)))),
    }
}

/// Entries from one snapshot to the next.
fn between_snapshots(config: &Config, present: &Present) -> Option<f64> {
    let (_, policy) = config.snapshots.as_ref()?;
    let every = policy.every.0.as_secs_f64();
    let by_time = present.entries_per_s.map(|per_s| per_s * every);
    let by_entries = (policy.every_entries > 0).then(|| number(policy.every_entries));
    let by_bytes = (policy.every_bytes.0 > 0 && present.bytes_per_entry > 0.0)
        .then(|| number(policy.every_bytes.0) / present.bytes_per_entry);
    let limits = [by_time, by_entries, by_bytes].into_iter().flatten();
    limits.reduce(f64::min)
}

fn bucket(config: &Config, present: &Present) -> Option<Bucket> {
    let held = present.held.as_ref()?;
    let between_s = present.entries_per_s.and_then(|per_s| {
        let entries = between_snapshots(config, present)?;
        (per_s > 0.0).then(|| entries / per_s)
    });
    let keeps_log = config.oplog.is_some();
    Some(Bucket::of(held, between_s, config.drill.every.0, keeps_log))
}

fn disk(config: &Config, present: &Present) -> Option<Disk> {
    let available = present.available_bytes?;
    let per_s = present
        .entries_per_s
        .map(|entries| entries * present.bytes_per_entry);
    let trimmed_at = between_snapshots(config, present).and_then(|entries| {
        let (_, policy) = config.snapshots.as_ref()?;
        // Snapshots of one base are trimmed behind together, and one more is being made.
        let kept = number((policy.min_verified * (MOST_LAYERS + 1) + 1) as u64);
        let delayed = policy.trim_delay.0.as_secs_f64() * present.entries_per_s?;
        let most = (entries * kept + delayed) * present.bytes_per_entry;
        Some(most.max(number(present.log_bytes)))
    });
    let room = number(present.log_bytes + available);
    let full_in = per_s.filter(|rate| *rate > 0.0).and_then(|rate| {
        let never = trimmed_at.is_some_and(|most| most < room);
        (!never).then(|| number(available) / rate)
    });
    Some(Disk {
        log_bytes: present.log_bytes,
        available_bytes: available,
        log_bytes_per_s: per_s.map(whole),
        trimmed_at_bytes: trimmed_at.map(whole),
        full_in_seconds: full_in.map(whole),
    })
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn round(seconds: f64) -> f64 {
    (seconds * 10.0).ceil() / 10.0
}

#[expect(clippy::cast_precision_loss, reason = "a prediction")]
const fn number(exact: u64) -> f64 {
    exact as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bytes or seconds, never negative"
)]
pub(super) const fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(ack: &str, snapshots: &str) -> Config {
        let text = format!(
            r#"
            cluster = {{ id = "c" }}
            node = {{ id = "a", data_dir = "a" }}
            election = {{ type = "memory" }}
            oplog = {{ type = "file", {ack} }}
            {snapshots}
            "#
        );
        let registry = standfast_backends::builtin();
        Config::from_text(&text, "/nowhere".into(), &registry).unwrap()
    }

    fn hybrid(ack: &str) -> Config {
        config(
            ack,
            r#"snapshots = { type = "bucket", url = "b", every = "100s" }"#,
        )
    }

    /// 1000 entries a second of 50 bytes.
    fn present() -> Present {
        Present {
            newest_age_ms: Some(7000),
            rows: 2_000_000,
            suffix: 30_000,
            bytes_per_entry: 50.0,
            entries_per_s: Some(1000.0),
            log_bytes: 5_000_000,
            available_bytes: Some(1_000_000_000),
            held: None,
        }
    }

    #[test]
    fn what_is_lost_follows_from_ack_and_snapshots() {
        let durable = Prediction::new(&hybrid(""), None);
        assert_eq!(durable.lost_with_primary, Some(Loss::of_log(0, 0)));
        let since = Loss {
            entries: None,
            bytes: None,
            ms: 100_000,
            snapshot_wait_ms: Some(5000),
        };
        assert_eq!(durable.lost_with_log, Some(since));

        let eager = hybrid(r#"ack = "async", max_unflushed = 7, max_unflushed_age = "20ms""#);
        let seven = Loss::of_log(7, 20);
        assert_eq!(Prediction::new(&eager, None).lost_with_primary, Some(seven));

        let log = config("", r#"recovery = { mode = "log" }"#);
        assert_eq!(Prediction::new(&log, None).lost_with_log, None);
    }

    #[test]
    fn without_a_log_a_crash_loses_what_the_newest_snapshot_does_not_hold() {
        let text = r#"
            cluster = { id = "c" }
            node = { id = "a", data_dir = "a" }
            election = { type = "memory" }
            oplog = { ack = "async" }
            snapshots = { type = "bucket", url = "b", every = "20s", every_entries = 7 }
            recovery = { mode = "snapshot" }
            "#;
        let registry = standfast_backends::builtin();
        let config = Config::from_text(text, "/nowhere".into(), &registry).unwrap();
        let predicted = Prediction::new(&config, None);
        let since = Loss {
            entries: Some(7),
            bytes: None,
            ms: 20_000,
            snapshot_wait_ms: Some(5000),
        };
        assert_eq!(predicted.lost_with_primary, Some(since));
        let never = Present {
            newest_age_ms: None,
            ..present()
        };
        let predicted = Prediction::new(&config, Some(&never));
        assert_eq!(predicted.lost_with_primary, None);
        assert_eq!(predicted.lost_with_log, None);
        assert!(!predicted.keeps_log);
    }

    #[test]
    fn without_a_snapshot_or_with_an_old_one_more_is_lost_than_the_configuration_says() {
        let of = |newest_age_ms| {
            let present = Present {
                newest_age_ms,
                ..present()
            };
            Prediction::new(&hybrid(""), Some(&present)).lost_with_log
        };
        assert_eq!(of(None), None);
        assert_eq!(of(Some(7000)).unwrap().ms, 100_000);
        assert_eq!(of(Some(700_000)).unwrap().ms, 700_000);
    }

    #[test]
    fn a_cold_start_restores_the_rows_and_replays_what_came_after() {
        let predicted = Prediction::new(&hybrid(""), Some(&present()));
        let cold = predicted.cold_start.unwrap();
        assert_eq!((cold.rows, cold.entries), (2_000_000, 30_000));
        assert!((cold.seconds - 2.4).abs() < 1e-9, "{cold:?}");
        // 100,000 entries from one snapshot to the next.
        let worst = cold.at_worst_seconds.unwrap();
        assert!((worst - 2.7).abs() < 1e-9, "{worst}");
    }

    #[test]
    fn a_snapshot_that_is_made_for_the_size_of_the_log_ends_the_loss_and_the_replay() {
        let by_bytes = config(
            "",
            r#"snapshots = { type = "bucket", url = "b", every = "30d", every_bytes = "1MiB" }"#,
        );
        let lost = Prediction::new(&by_bytes, None).lost_with_log.unwrap();
        assert_eq!(lost.bytes, Some(1 << 20));
        // 30,000 entries of 50 bytes have come since.
        let predicted = Prediction::new(&by_bytes, Some(&present()));
        assert_eq!(predicted.lost_with_log.unwrap().bytes, Some(1_500_000));
        // 20,972 entries: fewer than there are now.
        let cold = predicted.cold_start.unwrap();
        assert_eq!(cold.at_worst_seconds, Some(cold.seconds));
        let fresh = Present {
            suffix: 0,
            entries_per_s: None,
            ..present()
        };
        let cold = Prediction::new(&by_bytes, Some(&fresh)).cold_start.unwrap();
        assert!((cold.seconds - 2.3).abs() < 1e-9, "{cold:?}");
        let worst = cold.at_worst_seconds.unwrap();
        assert!((worst - 2.4).abs() < 1e-9, "{worst}");
    }

    #[test]
    fn a_log_that_is_trimmed_in_time_lasts_and_another_is_full_one_day() {
        // 11 intervals of 100,000 entries of 50 bytes.
        let disk = Prediction::new(&hybrid(""), Some(&present())).disk.unwrap();
        assert_eq!(disk.log_bytes_per_s, Some(50_000));
        assert_eq!(disk.trimmed_at_bytes, Some(55_000_000));
        assert_eq!(disk.full_in_seconds, None);

        let small = Present {
            available_bytes: Some(10_000_000),
            ..present()
        };
        let disk = Prediction::new(&hybrid(""), Some(&small)).disk.unwrap();
        assert_eq!(disk.full_in_seconds, Some(200));

        let log = config("", r#"recovery = { mode = "log" }"#);
        let disk = Prediction::new(&log, Some(&present())).disk.unwrap();
        assert_eq!(
            (disk.trimmed_at_bytes, disk.full_in_seconds),
            (None, Some(20_000))
        );
    }
}
