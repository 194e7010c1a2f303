use std::fs;
use std::io;

use super::error::io_error;
use super::exclusive;
use super::fence;
use super::history::{Path, Survey};
use super::log_dir::LogDir;
use super::numbered;
use super::segment::SegmentName;
use crate::durable_dir::sync_dir;
use standfast_core::{Result, Seq, TrimGuard};

/// Removes whole segments: writes the floor, THEN asks the guard, THEN unlinks (R8).
///
/// What lies below a floor may be missing; the record refuses nothing that is still there. Segments go oldest first, so
/// that a trim that was cut anywhere leaves a log without a hole, and the next trim goes on.
pub(super) async fn trim(dir: &LogDir, through: Seq, guard: &dyn TrimGuard) -> Result<Seq> {
    dir.owned_by(guard.token(), "trim")?;
    fence::check_holder(dir, guard.token(), "trim")?;
    let committed = dir.survey("trim")?.committed();
    let through = through.min(committed.seq);
    record_floor(dir, through.next())?;
    let needed = guard.lowest_needed().await?;
    let through = needed.map_or(through, |seq| through.min(Seq(seq.0.saturating_sub(1))));
    // The guard may have taken its time.
    fence::check_holder(dir, guard.token(), "trim")?;
    let survey = dir.survey("trim")?;
    let history = survey.history()?;
    unlink(dir, &superfluous(&history, through))?;
    unlink(dir, &dead(&survey, &history, through))?;
    // What was freed fills the reserve up first.
    if let Err(error) = dir.reserve().restore() {
        tracing::warn!(%error, "the reserve of the log is not whole");
    }
    Ok(dir.survey("trim")?.begin()?.seq.next())
}

fn record_floor(dir: &LogDir, floor: Seq) -> Result<()> {
    if floor <= dir.floor()? {
        return Ok(());
    }
    let (tmp, floors) = (dir.layout().tmp(), dir.layout().at("floors"));
    let name = numbered::name(floor.0);
    dir.reserve()
        .with(|| exclusive::create(&tmp, &floors, &name, b""))
        .map_err(|source| io_error("trim", &floors, source))?;
    Ok(())
}

/// The segments of history that hold nothing above `through`, oldest first. The one with the last committed batch is
/// never among them.
fn superfluous(history: &Path, through: Seq) -> Vec<SegmentName> {
    let Some(last) = history.spans.back() else {
        return Vec::new();
    };
    let spans = history.spans.iter();
    spans
        .take_while(|span| span.upto.seq <= through && span.upto.seq < last.upto.seq)
        .map(|span| span.segment.name())
        .collect()
}

/// Segments that are not in history and branched off at or below `through`: their writers were fenced before they
/// proved anything.
fn dead(survey: &Survey, history: &Path, through: Seq) -> Vec<SegmentName> {
    let lives = |name: &SegmentName| {
        history
            .spans
            .iter()
            .any(|span| span.segment.name() == *name)
    };
    survey
        .segments()
        .values()
        .filter(|segment| {
            let header = segment.header();
            header.name.epoch < survey.epoch() && header.previous.seq <= through
        })
        .map(|segment| segment.name())
        .filter(|name| !lives(name))
        .collect()
}

fn unlink(dir: &LogDir, names: &[SegmentName]) -> Result<()> {
    let segments = dir.segments().path();
    for name in names {
        let path = segments.join(name.to_string());
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("trim", &path, source));
            }
            _ => tracing::debug!(segment = %name, "trimmed"),
        }
    }
    if names.is_empty() {
        return Ok(());
    }
    sync_dir(segments).map_err(|source| io_error("trim", segments, source))
}
