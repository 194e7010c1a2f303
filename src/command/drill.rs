use std::process::ExitCode;

use serde::Serialize;
use standfast_core::{Digest, Position, Seq, SnapshotId};
use standfast_standby::{Drill, Drilled};

use super::args::ConfigArguments;
use super::offline::Offline;
use super::stop::unless_stopped;
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
    let drill = unless_stopped(async { Ok(Drill::restore(&sources).await?) }).await?;
    let mut problems = drill.problems();
    let listed = drill.listed();
    let drilled = drill.held(async |drill| unless_stopped(replay(drill)).await);
    let drilled = drilled.await?;
    problems.extend(
        listed
            .filter(|listed| listed.seq > drilled.reached.seq)
            .map(|listed| {
                format!(
                    "the log ends at {}, before the newest snapshot, which stands at {listed}",
                    drilled.reached
                )
            }),
    );
    let report = Report::new(drilled, problems);
    output::print(arguments.output, &report, text)?;
    Ok(if report.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn replay(drill: &mut Drill<'_>) -> Result<Drilled, Failure> {
    let bar = output::progress(0, "entries replayed");
    let drilled = drill.replay(|done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    let drilled = drilled.await;
    bar.finish_and_clear();
    Ok(drilled?)
}

impl Report {
    fn new(drilled: Drilled, problems: Vec<String>) -> Self {
        let Drilled {
            snapshot,
            restored,
            reached,
            digest,
            entries,
            bytes,
            proven,
            restoring,
            replaying,
        } = drilled;
        Self {
            ok: problems.is_empty(),
            snapshot,
            restored,
            reached,
            digest,
            replayed_entries: entries,
            replayed_bytes: bytes,
            proven_seq: proven,
            restore_seconds: restoring.as_secs_f64(),
            replay_seconds: replaying.as_secs_f64(),
            measured_rto_seconds: (restoring + replaying).as_secs_f64(),
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
