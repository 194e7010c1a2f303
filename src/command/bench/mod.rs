//! `standfast bench`: the figures of the project, each beside its yardstick of the same run.

mod append;
mod backend;
mod bucket;
mod catchup;
mod cluster;
mod coldstart;
mod dataset;
mod in_process;
mod lag;
mod ledger;
mod logbytes;
mod lone;
mod memory;
mod overhead;
mod process;
mod propose;
mod put;
mod report;
mod rpo;
mod rto;
mod snapshot;
mod stats;
mod switchover;
mod writer;

use std::process::ExitCode;

pub(super) use backend::{LogBackend, MeasuredLog};
pub(super) use bucket::MeasuredBucket;

use super::Failure;
use super::args::BenchCommand;
use super::stop::unless_stopped;

pub(super) async fn run(command: BenchCommand) -> Result<ExitCode, Failure> {
    Box::pin(unless_stopped(measure(command))).await
}

async fn measure(command: BenchCommand) -> Result<ExitCode, Failure> {
    match command {
        BenchCommand::Rto(arguments) => rto::run(arguments).await,
        BenchCommand::Switchover(arguments) => switchover::run(arguments).await,
        BenchCommand::Rpo(arguments) => rpo::run(arguments).await,
        BenchCommand::Lag(arguments) => lag::run(arguments).await,
        BenchCommand::Catchup(arguments) => catchup::run(arguments).await,
        BenchCommand::Append(arguments) => append::run(arguments).await,
        BenchCommand::Put(arguments) => put::run(arguments).await,
        BenchCommand::Overhead(arguments) => overhead::run(arguments).await,
        BenchCommand::Propose(arguments) => propose::run(arguments).await,
        BenchCommand::Logbytes(arguments) => logbytes::run(arguments).await,
        BenchCommand::Memory(arguments) => memory::run(arguments).await,
        BenchCommand::Snapshot(arguments) => snapshot::run(arguments).await,
        BenchCommand::Coldstart(arguments) => coldstart::run(arguments).await,
        BenchCommand::NoLog(arguments) => overhead::serve(arguments).await,
    }
}
