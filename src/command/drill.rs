use std::process::ExitCode;

use serde::Serialize;
use standfast::Stop;
use standfast_core::{Digest, Position, Seq, SnapshotId};
use standfast_standby::{Drilled, drill};

use super::args::ConfigArguments;
use super::offline::Offline;
use super::recovery_bar::RecoveryBar;
use super::stop::unless_stopped_twice;
use super::{Failure, output};

/// What a recovery came to that was tried out.
#[derive(Serialize)]
struct Report {
    /// Whether everything that is stored could be used, and nothing that was listed is missing.
    ok: bool,
    /// None: the log from its first entry.
    snapshot: Option<SnapshotId>,
    restored: Position,
    reached: Position,
    digest: Digest,
    replayed_entries: u64,
    replayed_bytes: u64,
    /// Up to here the digests in the log are those of the recovered state; none: the log carries none yet.
    proven_seq: Option<Seq>,
    restore_seconds: f64,
    replay_seconds: f64,
    /// What a machine with nothing takes until it could lead, but for the election.
    measured_rto_seconds: f64,
    problems: Vec<String>,
}

/// Recovers into a scratch state, from the stores alone and beside nodes that run, and says what it proved.
pub(super) async fn run(arguments: ConfigArguments) -> Result<ExitCode, Failure> {
    let offline = Offline::open(&arguments).await?;
    let sources = offline.sources();
    let bar = RecoveryBar::new();
    let mut stop = Stop::listen()?;
    let drilling = drill(&sources, bar.tell(), stop.told());
    let drilled = unless_stopped_twice(async { Ok(drilling.await?) }).await?;
    drop(bar);
    let report = Report::new(drilled);
    output::print(arguments.output, &report, text)?;
    Ok(if report.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Report {
    fn new(drilled: Drilled) -> Self {
        let Drilled {
            recovered: found,
            problems,
        } = drilled;
        Self {
            ok: problems.is_empty(),
            snapshot: found.snapshot,
            restored: found.restored,
            reached: found.reached,
            digest: found.digest,
            replayed_entries: found.entries,
            replayed_bytes: found.bytes,
            proven_seq: found.proven,
            restore_seconds: found.restoring.as_secs_f64(),
            replay_seconds: found.replaying.as_secs_f64(),
            measured_rto_seconds: (found.restoring + found.replaying).as_secs_f64(),
            problems,
        }
    }
}

fn text(report: &Report) -> String {
    let with = match &report.snapshot {
        Some(snapshot) => format!("restored snapshot {snapshot}"),
        None => "began with an empty state".to_owned(),
    };
    let mut lines = vec![format!(
        "{with} at {} in {:.3} s, and replayed {} entries, {} bytes, to {} in {:.3} s",
        report.restored,
        report.restore_seconds,
        report.replayed_entries,
        report.replayed_bytes,
        report.reached,
        report.replay_seconds
    )];
    let digest = report.digest;
    lines.push(match report.proven_seq {
        Some(proven) => format!(
            "PROVEN up to seq {proven}: the digests in the log are those of the recovered state, which ends with {digest}"
        ),
        None if report.snapshot.is_some() => format!(
            "RESTORED with the digest of the snapshot, now {digest}; nothing in the log behind it proves more yet"
        ),
        None => format!("REPLAYED, digest {digest}; nothing in the log proves it yet"),
    });
    lines.push(format!(
        "a machine with nothing takes about {:.3} s",
        report.measured_rto_seconds
    ));
    lines.extend(
        report
            .problems
            .iter()
            .map(|problem| format!("PROBLEM: {problem}")),
    );
    lines.join("\n")
}
