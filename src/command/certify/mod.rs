mod arguments;
mod grades;
mod promises;
mod report;
mod text;

use std::process::ExitCode;
use std::time::Duration;

use standfast::config::Config;
use standfast::conformance::{Plan, Row, Suite};
use standfast::{Error, ErrorKind, Stop};
use tokio::time::timeout;

pub(crate) use self::arguments::CertifyArguments;
use self::report::Report;
use super::{Failure, output};

/// How long a case that is under way may take to notice that it was told to stop.
const LAST_CASE: Duration = Duration::from_secs(2);

pub(super) async fn run(arguments: CertifyArguments) -> Result<ExitCode, Failure> {
    let mut stop = Stop::listen()?;
    let registry = standfast_backends::builtin();
    let config = Config::load(&arguments.config.config, &registry)?;
    let suite = Suite::claim(&config, &registry, &arguments.scratch).await?;
    let rows = all_cases(&suite, &arguments, &mut stop).await;
    suite.clean().await?;
    let report = Report::new(&arguments, &config, rows?);
    output::print(arguments.config.output, &report, text::text)?;
    if report.holds() {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

/// Runs the cases, unless it is told to stop.
async fn all_cases(
    suite: &Suite,
    arguments: &CertifyArguments,
    stop: &mut Stop,
) -> Result<Vec<Row>, Failure> {
    let plan = Plan {
        seed: arguments.seed,
        seeds: arguments.seeds,
        ..Plan::default()
    };
    if suite.count(&arguments.only) == 0 {
        let none = format!(
            "no case of these stores has `{}` in its name",
            arguments.only
        );
        return Err(Error::new(ErrorKind::NotFound, "choose cases")
            .context(none)
            .into());
    }
    let bar = output::progress(suite.count(&arguments.only) as u64, "cases");
    let told = bar.clone();
    let run = suite.run(&plan, &arguments.only, move |_row| told.inc(1));
    tokio::pin!(run);
    // Dropping the wait for the cases changes nothing about them; a signal is told again.
    let ran = tokio::select! {
        rows = &mut run => Some(rows),
        () = stop.told() => {
            suite.close();
            // Either way the scratch places are removed next.
            drop(timeout(LAST_CASE, &mut run).await);
            None
        }
    };
    bar.finish_and_clear();
    match ran {
        Some(rows) => Ok(rows?),
        None => Err("interrupted; the scratch places were removed".into()),
    }
}
