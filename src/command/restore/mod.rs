//! `snapshot restore`: a state made again, as it is or as it was.
//!
//! ```text
//!   stores ──newest snapshot of before, log up to the point──▶ scratch state ──▶ told, or
//!                                                              a cluster of one node in DIR
//! ```

mod arguments;
mod place;

use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use standfast::Stop;
use standfast_core::{Digest, Position, Seq, SnapshotId};
use standfast_snapshots::{Point, is_damage};
use standfast_standby::{LeftOut, Scratch, Sources};

pub(crate) use self::arguments::RestoreArguments;
use self::place::Place;
use super::offline::Offline;
use super::recovery_bar::RecoveryBar;
use super::stop::unless_stopped_twice;
use super::{Failure, moment, output, snapshot};

#[derive(Serialize)]
struct Restored {
    /// Name of the snapshot it began with; none: the log from its first entry.
    id: Option<SnapshotId>,
    /// Where that stands.
    snapshot: Position,
    position: Position,
    /// Stamp of the last entry.
    stamp_ms: u64,
    rows: u64,
    digest: Digest,
    replayed_entries: u64,
    /// Up to here the digests in the log are those of the restored state.
    proven_seq: Option<Seq>,
    /// The next batch, of which something is later.
    left_out: Option<Later>,
    seconds: f64,
    /// Where a moment was named: how far the cluster's clock, which stamps entries, was behind the wall clock of whoever made
    /// the newest snapshot, when that was made. Some of it the cluster may have been idle.
    clock_behind_ms: Option<u64>,
    /// Whether the log ends before the moment that was named.
    log_ends: bool,
    /// What is wrong with newer snapshots of before, in whose place an older one, or the log, did.
    problems: Vec<String>,
    /// A configuration that serves it.
    config: Option<PathBuf>,
}

#[derive(Serialize)]
struct Later {
    first_seq: Seq,
    last_seq: Seq,
    stamp_ms: u64,
}

pub(super) async fn run(arguments: RestoreArguments) -> Result<ExitCode, Failure> {
    unless_stopped_twice(Box::pin(restore(arguments))).await
}

async fn restore(arguments: RestoreArguments) -> Result<ExitCode, Failure> {
    let offline = Offline::open(&arguments.config).await?;
    let sources = offline.sources();
    let point = arguments.point();
    if point == Point::Newest {
        snapshot::newest(snapshot::store(&sources)?).await?;
    }
    let clock_behind_ms = match point {
        Point::Time(_) => clock_behind(&sources).await?,
        Point::Newest | Point::Seq(_) => None,
    };
    let place = arguments.to.as_deref().map(Place::prepare).transpose()?;
    let bar = RecoveryBar::new();
    let mut stop = Stop::listen()?;
    let mut told = pin!(stop.told());
    let mut scratch =
        Box::pin(Scratch::restore(&sources, point, bar.tell(), told.as_mut())).await?;
    let held = scratch.take_pin();
    let making = async {
        let found = scratch.replay().await?;
        let config = match place {
            Some(place) => Some(place.fill(&offline, scratch.machine()).await?),
            None => None,
        };
        Ok::<_, Failure>((found, config))
    };
    let making = async {
        // Neither arm is awaited again.
        tokio::select! {
            made = making => made,
            () = told.as_mut() => Err("interrupted".into()),
        }
    };
    let (found, config) = held.around(making).await?;
    drop(bar);
    let restored = Restored {
        id: found.snapshot,
        snapshot: found.restored,
        position: found.reached,
        stamp_ms: found.stamp_ms,
        rows: scratch.machine().lock().rows(),
        digest: found.digest,
        replayed_entries: found.entries,
        proven_seq: found.proven,
        log_ends: matches!(point, Point::Time(_))
            && sources.log_outlives_term()
            && found.left_out.is_none(),
        left_out: found.left_out.map(Later::from),
        seconds: (found.restoring + found.replaying).as_secs_f64(),
        clock_behind_ms,
        problems: scratch.problems(),
        config,
    };
    output::print(arguments.config.output, &restored, text)?;
    Ok(ExitCode::SUCCESS)
}

/// By the newest snapshot; none: there is none that can be read.
async fn clock_behind(sources: &Sources) -> Result<Option<u64>, Failure> {
    let Some(store) = &sources.snapshots else {
        return Ok(None);
    };
    let entry = store.newest().await?;
    let Some(newest) = entry.as_ref().and_then(|entry| entry.newest()) else {
        return Ok(None);
    };
    match store.open(&newest.id).await {
        Ok(reader) => {
            let manifest = reader.manifest();
            Ok(Some(manifest.created_ms.saturating_sub(manifest.stamp_ms)))
        }
        // Told as a problem, if it stands in the way.
        Err(error) if is_damage(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl From<LeftOut> for Later {
    fn from(batch: LeftOut) -> Self {
        Self {
            first_seq: batch.first,
            last_seq: batch.last,
            stamp_ms: batch.stamp_ms,
        }
    }
}

fn text(restored: &Restored) -> String {
    let with = match &restored.id {
        Some(_) => format!("restored seq {} from the snapshot", restored.snapshot.seq),
        None => "began with an empty state".to_owned(),
    };
    let mut lines = vec![format!(
        "{with} and replayed {} entries to seq {} in {:.2} s: {} rows, digest {}",
        restored.replayed_entries,
        restored.position.seq,
        restored.seconds,
        restored.rows,
        restored.digest
    )];
    let stamp = moment::text(restored.stamp_ms);
    let proven = match restored.proven_seq {
        Some(seq) => format!("the digests in the log prove it up to seq {seq}"),
        None => "nothing in the log behind the snapshot proves more than that".to_owned(),
    };
    lines.push(format!(
        "it is the state of {}, stamped {stamp}; {proven}",
        restored.position
    ));
    lines.extend(restored.left_out.as_ref().map(|later| {
        let stamp = moment::text(later.stamp_ms);
        format!(
            "entries {} to {}, of {stamp}, are the next batch, and are not in it",
            later.first_seq, later.last_seq
        )
    }));
    if restored.log_ends {
        lines.push("nothing in the log is of later".to_owned());
    }
    lines.extend(restored.clock_behind_ms.map(|ms| {
        format!(
            "moments are of the cluster's clock, which was at most {:.1} s behind the wall clock when the newest snapshot was made",
            Duration::from_millis(ms).as_secs_f64()
        )
    }));
    let problems = restored.problems.iter();
    lines.extend(problems.map(|problem| format!("PROBLEM: {problem}")));
    lines.extend(restored.config.as_ref().map(|config| {
        let (config, without) = (config.display(), without_overrides());
        format!(
            "look at it:       {without}standfast serve --config {config}\n\
             carry it further: {without}standfast snapshot export --config {config} --to FILE"
        )
    }));
    lines.join("\n")
}

/// What keeps the environment of the cluster from leading the copy to the stores of the original.
fn without_overrides() -> String {
    let overrides = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let overrides = overrides.filter(|name| name.starts_with("STANDFAST__"));
    let unset: Vec<_> = overrides.map(|name| format!("-u {name} ")).collect();
    if unset.is_empty() {
        return String::new();
    }
    format!("env {}", unset.concat())
}
