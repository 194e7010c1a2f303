//! The `standfast` command, a file per subcommand.

mod archive;
mod args;
mod bench;
mod certify;
mod check;
mod cluster;
mod confirm;
mod control;
mod demo;
mod drill;
mod elected;
mod endpoint;
mod founding;
mod logging;
mod moment;
mod new_path;
mod nodes;
mod object;
mod object_list;
mod object_remove;
mod object_transfer;
mod offline;
mod open_files;
mod oplog;
mod output;
mod prune;
mod quota;
mod recover;
mod recovery_bar;
mod replay;
mod restore;
mod seconds;
mod segment;
mod segment_list;
mod segment_objects;
mod serve;
mod snapshot;
mod snapshot_diff;
mod snapshot_list;
mod snapshot_verify;
mod status;
mod stop;
mod text;

use std::process::ExitCode;

pub(crate) use args::Arguments;
use args::Command;

/// Why a command ended without success.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Exit code of a command whose reader has gone: that of one that SIGPIPE ended.
const CLOSED_PIPE: u8 = 128 + 13;

/// Runs the command: exit code 0 when it succeeded, 1 when it failed.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    logging::start(&arguments.command);
    open_files::raise_limit();
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let result = runtime.block_on(dispatch(arguments.command));
    // What still runs in the background must not keep the command from ending.
    runtime.shutdown_timeout(std::time::Duration::from_millis(100));
    match result {
        Ok(code) => code,
        Err(error) if error.is::<output::NobodyReads>() => ExitCode::from(CLOSED_PIPE),
        Err(error) => fail(&error),
    }
}

/// What drives a node.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads())
        .enable_all()
        .build()
}

/// As many as there are cores, and some to spare for one that waits for a disk.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(4, |cores| cores.get().max(4))
}

async fn dispatch(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Cluster(command) => cluster::run(command).await,
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Check(arguments) => check::run(arguments).await,
        Command::Certify(arguments) => certify::run(arguments).await,
        Command::CertifyProcess => certify::attend().await,
        Command::Status(arguments) => status::run(arguments).await,
        Command::Switchover(arguments) => control::switchover(arguments).await,
        Command::StepDown(arguments) => control::step_down(arguments).await,
        Command::Oplog(command) => oplog::run(command).await,
        Command::Bench(command) => bench::run(command).await,
        Command::Recover(arguments) => recover::run(arguments).await,
        Command::Drill(arguments) => drill::run(arguments).await,
        Command::Snapshot(command) => snapshot::run(command).await,
        Command::Object(command) => object::run(command).await,
        Command::Segment(command) => segment::run(command).await,
        Command::Quota(command) => quota::run(command).await,
        Command::Replay(arguments) => replay::run(*arguments).await,
    }
}

#[expect(clippy::print_stderr, reason = "the command's own message")]
fn fail(error: &Failure) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}
