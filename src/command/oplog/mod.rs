mod arguments;
mod dump;
mod inspect;
mod skip;
mod verify;

use std::process::ExitCode;

pub(super) use verify::Verified;

pub(crate) use self::arguments::OplogCommand;
use super::Failure;
use super::args::ConfigArguments;
use super::offline::Offline;

/// Opens the stores of a cluster that keeps a log.
async fn open(arguments: &ConfigArguments) -> Result<Offline, Failure> {
    let offline = Offline::open(arguments).await?;
    if offline.stores.oplog.capabilities().outlives_term {
        return Ok(offline);
    }
    Err("[recovery] mode = \"snapshot\" keeps no log: there is nothing to look at but `standfast snapshot list`".into())
}

pub(super) async fn run(command: OplogCommand) -> Result<ExitCode, Failure> {
    match command {
        OplogCommand::Inspect(arguments) => inspect::run(arguments).await,
        OplogCommand::Dump(arguments) => dump::run(arguments).await,
        OplogCommand::Skip(arguments) => skip::run(arguments).await,
        OplogCommand::Verify(arguments) => verify::run(arguments).await,
    }
}
