//! `standfast bench`: the figures of the project, each beside its yardstick of the same run.

mod append;
mod raw;
mod report;
mod rto;

use std::process::ExitCode;

use super::Failure;
use super::args::BenchCommand;

pub(super) async fn run(command: BenchCommand) -> Result<ExitCode, Failure> {
    match command {
        BenchCommand::Rto(arguments) => rto::run(arguments).await,
        BenchCommand::Append(arguments) => append::run(arguments).await,
    }
}
