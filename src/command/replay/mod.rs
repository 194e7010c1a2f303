mod args;
mod play;
mod removed;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use standfast::replay::{BlockKey, Checked, Report, check};

pub(crate) use args::ReplayArguments;

use super::Failure;
use super::args::Output;
use super::output;
use standfast::Stop;

/// Missing keys that are named.
const NAMED: usize = 10;

pub(super) async fn run(arguments: ReplayArguments) -> Result<ExitCode, Failure> {
    let mut stop = Stop::listen()?;
    if let Some(record) = &arguments.check {
        let checked = look_for(&arguments, record, &mut stop).await?;
        let report = Report {
            acknowledged: checked.acknowledged,
            ..Report::default()
        };
        return conclude(&arguments, &report.with(&checked), &checked, record);
    }
    let path = record_path(&arguments);
    let (played, cut_short) = play::play(&arguments, &path, &mut stop).await?;
    // The clients live on meanwhile: what they lend must not expire before it was looked for.
    match look_for(&arguments, &path, &mut stop).await {
        Ok(checked) => {
            let concluded = conclude(&arguments, &played.report.with(&checked), &checked, &path);
            if checked.missing.is_empty() && arguments.record.is_none() {
                std::fs::remove_file(&path)?;
            }
            match (cut_short, concluded) {
                (None, concluded) => concluded,
                (Some(cut_short), Ok(_)) => {
                    Err(format!("{cut_short}; all that was acknowledged was looked for").into())
                }
                (Some(cut_short), Err(error)) => Err(format!("{cut_short}; {error}").into()),
            }
        }
        Err(error) => {
            print(arguments.output, &played.report)?;
            let text = format!(
                "{error}; the record is {}: look again with --check",
                path.display()
            );
            Err(text.into())
        }
    }
}

/// Where the record goes: what was said, or a name of its own that is gone when all is well.
fn record_path(arguments: &ReplayArguments) -> PathBuf {
    arguments.record.clone().unwrap_or_else(|| {
        let drawn = uuid::Uuid::new_v4().simple();
        std::env::temp_dir().join(format!("standfast-replay-{drawn}.record"))
    })
}

async fn look_for(
    arguments: &ReplayArguments,
    record: &Path,
    stop: &mut Stop,
) -> Result<Checked, Failure> {
    let removed = match &arguments.config {
        Some(config) => removed::removed_in_log(config).await?,
        None => HashSet::<BlockKey>::new(),
    };
    let checking = async {
        let endpoints = arguments.nodes.endpoints().await?;
        check(record, &endpoints, &removed).await
    };
    // Both are cancel safe: the check only reads.
    tokio::select! {
        checked = checking => Ok(checked?),
        () = stop.told() => Err("stopped before everything was looked for".into()),
    }
}

/// Prints the verdict: exit code 1 when anything is missing.
fn conclude(
    arguments: &ReplayArguments,
    report: &Report,
    checked: &Checked,
    record: &Path,
) -> Result<ExitCode, Failure> {
    print(arguments.output, report)?;
    if checked.missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let some: Vec<_> = checked.missing.iter().take(NAMED).collect();
    let text = format!(
        "{} acknowledged keys are not there, among them {some:?}; the record is {}",
        checked.missing.len(),
        record.display()
    );
    Err(text.into())
}

fn print(form: Output, report: &Report) -> Result<(), Failure> {
    output::print(form, report, |report| {
        let count =
            |n: Option<u64>| n.map_or_else(|| "not looked for".to_owned(), |n| n.to_string());
        let errors: Vec<_> = report
            .errors
            .iter()
            .map(|(kind, n)| format!("{n} {kind}"))
            .collect();
        format!(
            "acknowledged {}, missing {}\n\
             not acknowledged {}, evicted {}\n\
             hit rate {:.1} %, {:.0} operations/s\n\
             a put took {:.2} ms (p50), {:.2} ms (p99); longest gap between two acknowledgements {:.1} ms\n\
             errors: {}",
            report.acknowledged,
            count(report.missing),
            report.not_acknowledged,
            count(report.evicted),
            report.hit_rate * 100.0,
            report.ops_per_s,
            report.p50_ms,
            report.p99_ms,
            report.longest_gap_ms,
            if errors.is_empty() {
                "none".to_owned()
            } else {
                errors.join(", ")
            },
        )
    })
}
