use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use standfast::config::Config;
use standfast::conformance::{Plan, Row, Suite};
use standfast::{Error, ErrorKind};
use tokio::time::timeout;

use super::CertifyArguments;
use super::attend::processes;
use super::promises::Asked;
use super::report::Report;
use super::signals::{Nth, Signals};
use super::text::text;
use crate::command::{Failure, output};

/// How long a case that is under way may take to notice that it was told to stop.
const LAST_CASE: Duration = Duration::from_secs(2);

pub(in crate::command) async fn run(arguments: CertifyArguments) -> Result<ExitCode, Failure> {
    let mut signals = Signals::listen()?;
    let registry = standfast_backends::builtin();
    let config = Arc::new(Config::load(&arguments.config.config, &registry)?);
    check_choice(&config, &arguments.only)?;
    let (claimed, name) = (Arc::clone(&config), arguments.scratch.clone());
    let claim = async move { Suite::claim(&claimed, &registry, &name).await };
    let Some(suite) = signals.until_done(Nth::Second, claim).await? else {
        let told = format!(
            "told to end at once: remove what has `scratch-{}` in its name, if there is any",
            arguments.scratch
        );
        return Err(told.into());
    };
    let suite = suite.with_processes(processes()?);
    let judged = judge(&suite, &config, &arguments, &mut signals).await;
    let cleaned = clean(&suite, &mut signals).await;
    match (judged, cleaned) {
        (Ok(Some(code)), Ok(())) => Ok(code),
        (Ok(None), Ok(())) => Err("interrupted; the scratch places were removed".into()),
        (Ok(None), Err(stays)) => Err(format!("interrupted; {stays}").into()),
        (Ok(Some(_)), Err(stays)) => Err(stays),
        (Err(error), Ok(())) => Err(error),
        (Err(error), Err(stays)) => Err(format!("{error}; {stays}").into()),
    }
}

fn check_choice(config: &Config, only: &str) -> Result<(), Failure> {
    if Suite::count(config, only) > 0 {
        return Ok(());
    }
    let none = format!("no case of these stores has `{only}` in its name");
    Err(Error::new(ErrorKind::NotFound, "choose cases")
        .context(none)
        .into())
}

/// Runs the cases and prints what they come to; none when it is told to stop.
async fn judge(
    suite: &Suite,
    config: &Arc<Config>,
    arguments: &CertifyArguments,
    signals: &mut Signals,
) -> Result<Option<ExitCode>, Failure> {
    let (checked, of) = (suite.clone(), Arc::clone(config));
    let check = async move { checked.check(&of).await };
    if signals.until_done(Nth::First, check).await?.is_none() {
        return Ok(None);
    }
    let Some(rows) = all_cases(suite, config, arguments, signals).await? else {
        return Ok(None);
    };
    let asked = Asked {
        config,
        others_lead: suite.others_lead().await?,
    };
    let report = Report::new(arguments, &asked, suite.stores(), rows);
    output::print(arguments.config.output, &report, text)?;
    if report.holds() {
        return Ok(Some(ExitCode::SUCCESS));
    }
    Ok(Some(ExitCode::FAILURE))
}

/// Runs the cases, unless it is told to stop.
async fn all_cases(
    suite: &Suite,
    config: &Config,
    arguments: &CertifyArguments,
    signals: &mut Signals,
) -> Result<Option<Vec<Row>>, Failure> {
    let plan = Plan {
        seed: arguments.seed,
        seeds: arguments.seeds,
        patience: arguments.patience.0,
    };
    let cases = Suite::count(config, &arguments.only);
    let bar = output::progress(cases as u64, "cases");
    let told = bar.clone();
    let mut run = Box::pin(suite.run(&plan, &arguments.only, move |_row| told.inc(1)));
    let rows = signals.until(Nth::First, &mut run).await;
    if rows.is_none() {
        suite.close();
        // Either way the scratch places are removed next.
        drop(timeout(LAST_CASE, signals.until(Nth::Second, &mut run)).await);
    }
    bar.finish_and_clear();
    Ok(rows.transpose()?)
}

/// Removes the scratch places; a second signal ends that, too.
async fn clean(suite: &Suite, signals: &mut Signals) -> Result<(), Failure> {
    let places = suite.clone();
    let clean = async move { places.clean().await };
    if signals.until_done(Nth::Second, clean).await?.is_none() {
        let left = suite.left().join(", ");
        return Err(format!("told to end at once: remove what stays of {left}").into());
    }
    Ok(())
}
