mod dump;
mod inspect;
mod skip;
mod verify;

use std::process::ExitCode;

pub(super) use verify::{Verified, replay};

use super::Failure;
use super::args::OplogCommand;

pub(super) async fn run(command: OplogCommand) -> Result<ExitCode, Failure> {
    match command {
        OplogCommand::Inspect(arguments) => inspect::run(arguments).await,
        OplogCommand::Dump(arguments) => dump::run(arguments).await,
        OplogCommand::Skip(arguments) => skip::run(arguments).await,
        OplogCommand::Verify(arguments) => verify::run(arguments).await,
    }
}
