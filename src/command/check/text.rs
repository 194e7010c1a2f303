use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration};

use standfast_core::Server;

use super::bucket::Bucket;
use super::prediction::{ColdStart, Disk, Loss, Prediction};
use super::trial::Trial;
use super::{Checked, Connected};

pub(super) fn text(checked: &Checked) -> String {
    let reached = match &checked.connected {
        Some(connected) => format!("; the stores hold cluster {}", connected.fingerprint),
        None => "; the stores were not looked at (--connect)".to_owned(),
    };
    let good = format!(
        "configuration of node `{}` of cluster `{}` is good{reached}",
        checked.node, checked.cluster
    );
    let mut lines = vec![good];
    let full = checked.connected.as_ref().and_then(|it| it.full.as_ref());
    lines.extend(full.map(|full| format!("WARNING: {full}")));
    lines.extend(checked.connected.iter().flat_map(of_servers));
    lines.extend(outages(&checked.predicted, checked.connected.is_some()));
    lines.extend(checked.predicted.cold_start.as_ref().map(cold_start));
    lines.extend(checked.predicted.disk.as_ref().map(disk));
    lines.extend(checked.predicted.bucket.iter().flat_map(bucket));
    lines.join("\n")
}

fn of_servers(connected: &Connected) -> Vec<String> {
    let mut lines: Vec<_> = connected.servers.iter().map(server).collect();
    if !lines.is_empty() {
        lines.push(
            "clocks: no wall clock is relied on; leases are counted in time that has passed, by the servers and by each node \
             for itself"
                .to_owned(),
        );
    }
    lines.extend(connected.trial.as_ref().map(trial));
    let not_tried = connected.not_tried.as_ref();
    lines.extend(not_tried.map(|why| {
        format!(
            "WARNING: latency is not known and fencing not proved, for it could not be tried: {why}"
        )
    }));
    lines
}

fn server(server: &Server) -> String {
    let Server {
        endpoint, version, ..
    } = server;
    if version.is_empty() {
        let why = server.problem.as_deref().unwrap_or("it does not answer");
        return format!("WARNING: {endpoint}: {why}");
    }
    let takes = HumanBytes(server.size_bytes.unwrap_or(0));
    let limit = match server.limit_bytes {
        Some(limit) => format!("may take {}", HumanBytes(limit)),
        None => "does not tell what it may take".to_owned(),
    };
    match &server.problem {
        Some(problem) => {
            format!("WARNING: {endpoint}: {version}, takes {takes}, {limit}: {problem}")
        }
        None => format!("{endpoint}: {version}, takes {takes}, {limit}"),
    }
}

fn trial(trial: &Trial) -> String {
    let fencing = if trial.fencing_proved {
        "fencing proved: the append of a writer that was replaced was refused"
    } else {
        "FENCING FAILED: the append of a writer that was replaced was not refused; this store must not be used"
    };
    format!(
        "the log, tried beside the configured one: a read takes {} ms ({} at most), a write {} ms ({} at most); {fencing}",
        trial.read.median_ms, trial.read.max_ms, trial.write.median_ms, trial.write.max_ms
    )
}

fn outages(predicted: &Prediction, connected: bool) -> [String; 2] {
    let crash = match &predicted.lost_with_primary {
        Some(loss) => of(loss, connected),
        None => "everything: there is no snapshot yet".to_owned(),
    };
    if !predicted.keeps_log {
        return [
            format!(
                "there is no log: a crash of the primary loses {crash}; without an end while the bucket cannot be written"
            ),
            "the loss of the bucket as well loses everything".to_owned(),
        ];
    }
    let log = match &predicted.lost_with_log {
        Some(loss) => of(loss, connected),
        None => "everything: there is no snapshot".to_owned(),
    };
    [
        format!("a crash of the primary loses {crash}"),
        format!("the loss of the log as well loses {log}"),
    ]
}

fn of(loss: &Loss, connected: bool) -> String {
    if loss.entries == Some(0) {
        return "nothing that was acknowledged".to_owned();
    }
    let entries = loss.entries.map(|entries| format!("{entries} writes"));
    let bytes = loss
        .bytes
        .map(|most| format!("{} of log", HumanBytes(most)));
    let time = format!("{:?} of writes", Duration::from_millis(loss.ms));
    let limits: Vec<_> = entries.into_iter().chain(bytes).chain([time]).collect();
    let least = if limits.len() > 1 {
        ", whichever is least"
    } else {
        ""
    };
    let most = format!("at most {}{least}", limits.join(" or "));
    let Some(wait) = loss.snapshot_wait_ms.map(Duration::from_millis) else {
        return most;
    };
    let unless = if connected {
        ""
    } else {
        " (everything while there is no snapshot: --connect looks)"
    };
    format!(
        "{most}, what came in up to {wait:?} until the next snapshot began, and while it was made{unless}"
    )
}

fn cold_start(cold: &ColdStart) -> String {
    let worst = match cold.at_worst_seconds {
        Some(worst) => format!(", and {worst} s just before the next snapshot"),
        None => String::new(),
    };
    format!(
        "a cold start now takes about {} s ({} rows, then {} entries){worst}",
        cold.seconds, cold.rows, cold.entries
    )
}

fn disk(disk: &Disk) -> String {
    let room = format!(
        "the log takes {} and may grow by {}",
        HumanBytes(disk.log_bytes),
        HumanBytes(disk.available_bytes)
    );
    let until = match (
        disk.full_in_seconds,
        disk.trimmed_at_bytes,
        disk.log_bytes_per_s,
    ) {
        (Some(seconds), _, _) => {
            format!("enough for {}", HumanDuration(Duration::from_secs(seconds)))
        }
        (None, Some(most), _) => format!(
            "it is trimmed before it takes {} and two segments",
            HumanBytes(most)
        ),
        (None, None, Some(0)) => "it does not grow".to_owned(),
        (None, None, _) => "how long that is enough is not known yet".to_owned(),
    };
    format!("{room}; {until}")
}

fn bucket(bucket: &Bucket) -> Vec<String> {
    let mut lines = vec![format!(
        "the bucket holds {} of snapshots; a primary lists it up to {} times a day and reads up to {} times, each standby {} times",
        HumanBytes(bucket.held_bytes),
        bucket.lists_per_day,
        bucket.reads_per_day,
        bucket.standby_reads_per_day
    )];
    lines.extend(bucket.made_per_day.as_ref().map(|made| {
        format!(
            "{} snapshots a day like the newest write {} times, list {} times and read {} times; they upload {} and read back {}",
            made.snapshots,
            made.writes,
            made.lists,
            made.reads,
            HumanBytes(made.uploaded_bytes),
            HumanBytes(made.read_back_bytes)
        )
    }));
    lines
}
