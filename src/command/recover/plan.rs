use std::process::ExitCode;

use serde::Serialize;
use standfast_core::{Bounds, Digest, Epoch, Listed, Position, Seq, SnapshotId};
use standfast_standby::{ColdStart, HighWater, Lost, cold_start};

use crate::command::args::ConfigArguments;
use crate::command::offline::Offline;
use crate::command::recovery_bar::RecoveryBar;
use crate::command::stop::unless_stopped;
use crate::command::{Failure, output};

/// What a cold start would come to.
#[derive(Serialize)]
struct Plan {
    /// Whether a node that is started now would serve, with everything that is known committed.
    recoverable: bool,
    snapshots: Vec<Snapshot>,
    /// Not in mode `snapshot`: `log` is then where the newest snapshot stands.
    keeps_log: bool,
    log: Option<Log>,
    start: Option<Start>,
    lost: Option<LostEntries>,
    /// What stands in the way of beginning at all.
    problem: Option<String>,
}

#[derive(Serialize)]
struct Snapshot {
    id: SnapshotId,
    seq: Seq,
    verified: bool,
    bytes: u64,
    /// `restored`, `unusable`, or `not_tried`: there is a newer one.
    state: &'static str,
    problem: Option<String>,
}

#[derive(Serialize)]
struct Log {
    floor: Seq,
    tail: Position,
    epoch: Epoch,
}

#[derive(Serialize)]
struct Start {
    /// The snapshot it begins with; none: the log from its first entry.
    snapshot: Option<SnapshotId>,
    from: Position,
    /// What the snapshot holds, and what was read of it.
    restored_rows: u64,
    restored_bytes: u64,
    restore_seconds: f64,
    to: Position,
    replayed_entries: u64,
    replayed_bytes: u64,
    replay_seconds: f64,
    digest: Digest,
}

/// What is missing of what is known committed.
#[derive(Serialize)]
pub(super) struct LostEntries {
    from_seq: Seq,
    /// The last one known of; none: nobody left knows how many there were.
    through_seq: Option<Seq>,
    why: Vec<String>,
}

impl From<&Lost> for LostEntries {
    fn from(lost: &Lost) -> Self {
        Self {
            from_seq: lost.from,
            through_seq: lost.through,
            why: lost.why.clone(),
        }
    }
}

impl LostEntries {
    pub(super) fn text(&self) -> String {
        let through = match self.through_seq {
            Some(through) => format!("to {through}"),
            None => "on, nobody left knows how many".to_owned(),
        };
        let why = self.why.join("\n  ");
        format!("entries {} {through}, because\n  {why}", self.from_seq)
    }
}

pub(super) async fn run(arguments: &ConfigArguments) -> Result<ExitCode, Failure> {
    let offline = Offline::open(arguments).await?;
    let plan = unless_stopped(look(&offline)).await?;
    output::print(arguments.output, &plan, text)?;
    Ok(if plan.recoverable {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn look(offline: &Offline) -> Result<Plan, Failure> {
    let sources = offline.sources();
    // Read first: beside a node that runs it goes on rising.
    let mut known = HighWater::look(&sources.data_dir, sources.cluster)?;
    let mut problems = Vec::new();
    let log = match offline.stores.oplog.bounds().await {
        Ok(bounds) => Some(Log::from(bounds)),
        Err(error) => {
            problems.push(error.to_string());
            None
        }
    };
    let listed = match &sources.snapshots {
        None => Vec::new(),
        Some(store) => match store.newest().await {
            Ok(entry) => entry.map(|entry| entry.snapshots).unwrap_or_default(),
            Err(error) => {
                problems.push(error.to_string());
                Vec::new()
            }
        },
    };
    let bar = RecoveryBar::new();
    let mut cold = match cold_start(&sources, &mut known, &bar.tell()).await {
        Ok(cold) => Some(cold),
        Err(error) => {
            problems.push(error.to_string());
            None
        }
    };
    drop(bar);
    if let Some(pin) = cold.as_mut().and_then(|cold| cold.state.pin.take()) {
        pin.let_go().await;
    }
    let lost = cold.as_ref().and_then(|cold| cold.lost(&known));
    Ok(Plan {
        recoverable: cold.is_some() && lost.is_none(),
        snapshots: listed
            .iter()
            .rev()
            .map(|listed| Snapshot::of(listed, cold.as_ref()))
            .collect(),
        keeps_log: sources.log_outlives_term(),
        log,
        lost: lost.as_ref().map(LostEntries::from),
        start: cold.as_ref().map(|cold| Start::of(cold, &listed)),
        problem: (!problems.is_empty()).then(|| problems.join("; ")),
    })
}

impl From<Bounds> for Log {
    fn from(bounds: Bounds) -> Self {
        Self {
            floor: bounds.floor,
            tail: bounds.tail,
            epoch: bounds.epoch,
        }
    }
}

impl Start {
    fn of(cold: &ColdStart, listed: &[Listed]) -> Self {
        let mut restored = listed.iter();
        let restored = restored.find(|listed| Some(&listed.id) == cold.state.snapshot.as_ref());
        Self {
            snapshot: cold.state.snapshot.clone(),
            from: cold.state.origin,
            restored_rows: restored.map_or(0, |listed| listed.rows),
            restored_bytes: restored.map_or(0, |listed| listed.bytes),
            restore_seconds: cold.restoring.as_secs_f64(),
            to: cold.end(),
            replayed_entries: cold.entries,
            replayed_bytes: cold.bytes,
            replay_seconds: cold.replaying.as_secs_f64(),
            digest: cold.state.machine.lock().digest(),
        }
    }

    fn text(&self) -> String {
        let with = match &self.snapshot {
            Some(snapshot) => format!(
                "snapshot {snapshot} at {}, {} rows in {} bytes, restored here in {:.3} s,\n",
                self.from, self.restored_rows, self.restored_bytes, self.restore_seconds
            ),
            None => "an empty state ".to_owned(),
        };
        format!(
            "a cold start begins with {with}and replays {} entries, {} bytes, to {} with digest {}, here in {:.3} s",
            self.replayed_entries, self.replayed_bytes, self.to, self.digest, self.replay_seconds
        )
    }
}

impl Snapshot {
    fn of(listed: &Listed, cold: Option<&ColdStart>) -> Self {
        let restored = cold.and_then(|cold| cold.state.snapshot.as_ref());
        let passed_over = cold.into_iter().flat_map(|cold| &cold.state.passed_over);
        let problem = passed_over
            .filter(|tried| tried.snapshot == listed.id)
            .map(|tried| tried.error.to_string())
            .next()
            .or_else(|| Some(cold?.state.unusable.as_ref()?.to_string()));
        let state = match (restored, &problem) {
            (Some(restored), _) if *restored == listed.id => "restored",
            (Some(_), None) => "not_tried",
            _ => "unusable",
        };
        Self {
            id: listed.id.clone(),
            seq: listed.position.seq,
            verified: listed.verified,
            bytes: listed.bytes,
            state,
            problem,
        }
    }
}

fn text(plan: &Plan) -> String {
    let mut snapshots = output::table(&["snapshot", "seq", "verified", "bytes", "", ""]);
    for found in &plan.snapshots {
        snapshots.add_row([
            found.id.to_string(),
            found.seq.to_string(),
            if found.verified { "yes" } else { "no" }.to_owned(),
            found.bytes.to_string(),
            found.state.replace('_', " "),
            found.problem.clone().unwrap_or_default(),
        ]);
    }
    let mut lines = vec![snapshots.to_string()];
    lines.extend(plan.log.as_ref().map(|log| {
        let (floor, tail, epoch) = (log.floor, log.tail, log.epoch);
        if plan.keeps_log && floor > tail.seq {
            format!("the log holds no entry: it goes on behind {tail}, highest epoch {epoch}")
        } else if plan.keeps_log {
            format!("the log holds entries {floor} to {tail}, highest epoch {epoch}")
        } else {
            format!("there is no log; the catalog's newest snapshot stands at {tail}, highest epoch {epoch}")
        }
    }));
    lines.extend(plan.start.as_ref().map(Start::text));
    lines.extend(plan.lost.as_ref().map(|lost| {
        format!(
            "LOST: {}\nput back what is missing; or go on without it: `standfast recover --accept-loss`",
            lost.text()
        )
    }));
    lines.extend(
        plan.problem
            .as_ref()
            .map(|problem| format!("PROBLEM: {problem}")),
    );
    if plan.recoverable {
        lines.push("nothing that is known committed is missing".to_owned());
    }
    lines.join("\n")
}
