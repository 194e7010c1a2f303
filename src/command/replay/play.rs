use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressBar;
use standfast::replay::{
    Load, Meter, Played, Progress, Record, TraceGenerator, TraceRequest, read_trace, run,
};
use standfast_core::Clock;
use tokio::sync::watch;

use super::ReplayArguments;
use crate::command::{Failure, output};
use standfast::Stop;

/// How often the bar moves.
const REDRAW: Duration = Duration::from_millis(100);

/// Plays the trace, with a bar. When it is told to stop, the load ends; what it came to is returned all the same, with
/// how far it got.
pub(super) async fn play(
    arguments: &ReplayArguments,
    record: &Path,
    told: &mut Stop,
) -> Result<(Played, Option<String>), Failure> {
    let options = arguments.options().await?;
    let trace = trace(arguments)?;
    let clock = Clock::system();
    let record = Arc::new(Record::create(record, clock.clone())?);
    let meter = Arc::new(Meter::new(clock));
    let (stopper, stop) = watch::channel(false);
    let requests = (trace.len() as u64).saturating_mul(options.passes);
    let bar = output::progress(requests, "requests");
    let load = Load {
        trace: trace.into(),
        options,
        record,
        meter: Arc::clone(&meter),
        stop,
    };
    let mut playing = Box::pin(run(load));
    let mut redraw = tokio::time::interval(REDRAW);
    let played = loop {
        // All are cancel safe; the load itself is polled by reference and never dropped half-way.
        tokio::select! {
            played = &mut playing => break played,
            _ = redraw.tick() => show(&bar, &meter.progress()),
            () = told.told() => {
                bar.set_message("stopping");
                stopper.send_replace(true);
            }
        }
    };
    bar.finish_and_clear();
    let ended = meter.progress().requests;
    let interrupted = format!("interrupted after {ended} of {requests} requests");
    Ok((played?, (ended < requests).then_some(interrupted)))
}

fn trace(arguments: &ReplayArguments) -> Result<Vec<TraceRequest>, Failure> {
    if let Some(path) = &arguments.trace {
        return Ok(read_trace(path, arguments.limit.unwrap_or(usize::MAX))?);
    }
    let requests = arguments.generate.unwrap_or_default();
    Ok(TraceGenerator::new(arguments.seed).take(requests).collect())
}

fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_position(progress.requests);
    if progress.silent_for > Duration::from_secs(1) {
        bar.set_message(format!(
            "requests (no acknowledgement for {:.0} s)",
            progress.silent_for.as_secs_f64()
        ));
    } else {
        bar.set_message(format!("requests ({} acknowledged)", progress.acknowledged));
    }
}
