use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

use super::archive::{ExportArguments, ImportArguments};
use super::bench::{MeasuredBucket, MeasuredLog};
use super::certify::CertifyArguments;
use super::endpoint;
use super::object::ObjectCommand;
use super::oplog::OplogCommand;
use super::quota::QuotaCommand;
use super::replay::ReplayArguments;
use super::restore::RestoreArguments;
use super::seconds;
use super::segment::SegmentCommand;
use standfast::ClusterUrl;
use standfast_core::Span;
use standfast_master::Ack;

/// Keeps a master's in-memory state alive through crashes.
#[derive(Debug, Parser)]
#[command(name = "standfast", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play the whole story on this machine: two nodes, a load, a kill, a cold start, a verdict
    Demo(DemoArguments),
    /// Make stores those of a cluster
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Run a node
    Serve(ServeArguments),
    /// Check a configuration: every problem at once, with its line
    Check(CheckArguments),
    Certify(CertifyArguments),
    /// A leader that `certify` freezes and kills: it starts itself with this word, and tells it the rest on standard input
    #[command(hide = true)]
    CertifyProcess,
    /// Show who leads, who follows, and how far each is
    Status(TargetArguments),
    /// Hand leadership over to a standby
    Switchover(SwitchoverArguments),
    /// Make the primary give leadership up, to whoever campaigns first
    StepDown(TargetArguments),
    /// Look into a log, without a node
    #[command(subcommand)]
    Oplog(OplogCommand),
    /// Measure, each figure beside its yardstick of the same run
    #[command(subcommand)]
    Bench(BenchCommand),
    /// See what a cold start would come to, or go on without what is lost
    Recover(RecoverArguments),
    /// Recover into a scratch state from the stores alone, beside nodes that run: would it work, and how long would it take
    Drill(ConfigArguments),
    /// Make, list and check snapshots
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Put, find and remove objects, as a client does
    #[command(subcommand)]
    Object(ObjectCommand),
    /// Lend segments and take them back, as a client does
    #[command(subcommand)]
    Segment(SegmentCommand),
    /// Limit what tenants may hold, and see what they hold
    #[command(subcommand)]
    Quota(QuotaCommand),
    /// Play a request trace against a cluster, and check every acknowledgement at the end
    Replay(Box<ReplayArguments>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Write the cluster's fingerprint into its stores; once in the life of a cluster
    Init(ConfigArguments),
}

/// A command that reads a configuration file.
#[derive(Debug, Args)]
pub(crate) struct ConfigArguments {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Where everything is put, and left; a temporary directory that is removed when this is left out
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// How long the load runs; a number is of seconds
    #[arg(long, default_value = "14s", value_parser = seconds::parse)]
    pub(crate) seconds: Span,
    /// Cut one batch out of the log before the verdict, which must then be NOT OK
    #[arg(long)]
    pub(crate) cut_log: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Also stop when standard input, a pipe, ends: when the process that holds it is gone
    #[arg(long, hide = true)]
    pub(crate) stop_with_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Also open and probe the stores; a log that servers keep is timed and its fencing proved, in a scratch place
    #[arg(long)]
    pub(crate) connect: bool,
    /// Predict for so many entries a second, not for as many as the log has grown by
    #[arg(long, value_name = "ENTRIES", requires = "connect", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: Option<u32>,
}

/// A command that asks a node.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("node").required(true).args(["endpoint", "config", "discover"]))]
pub(crate) struct TargetArguments {
    /// A node to ask, `host:port` of its gRPC; several with commas
    #[arg(
        long,
        value_name = "HOST:PORT",
        value_delimiter = ',',
        value_parser = endpoint::parse,
    )]
    pub(crate) endpoint: Vec<String>,
    /// Or the configuration of one: its election store is asked who is there
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Or where the nodes are registered: etcd://host:port,host:port/CLUSTER
    #[arg(long, value_name = "URL")]
    pub(crate) discover: Option<ClusterUrl>,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct SwitchoverArguments {
    /// Id of the standby that is to lead
    #[arg(long, value_name = "NODE")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true))]
pub(crate) struct RecoverArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Say what a cold start would come to, from the stores alone; changes nothing
    #[arg(long, group = "what")]
    pub(crate) plan: bool,
    /// Give up what is known committed and cannot be found any more; only when all nodes are stopped, or stand still
    #[arg(long, group = "what")]
    pub(crate) accept_loss: bool,
    /// Do not ask before anything is given up
    #[arg(long, requires = "accept_loss")]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Kill the primary of two real nodes again and again: how long until a write is acknowledged
    Rto(RtoArguments),
    /// Hand leadership over again and again, to and fro: how long a writer pauses
    Switchover(RtoArguments),
    /// Kill the primary under load again and again: how many acknowledged writes are lost
    Rpo(RpoArguments),
    /// Let a standby follow a steady load: how long after the answer it has applied a write
    Lag(LagArguments),
    /// Start a standby with an empty data directory on a long log: how long until it has caught up
    Catchup(CatchupArguments),
    /// Durable entries a second through the log and through a master, beside the same bytes written and synced bare
    Append(AppendArguments),
    /// Commands a second through a master in this process, and how long each takes, beside bare write and sync
    Propose(AppendArguments),
    /// Put objects over gRPC, one by one and in batches, beside bare sync and a bare echo
    Put(PutArguments),
    /// Put objects with log and standby, and without: how much longer an answer takes
    Overhead(PairsArguments),
    /// Play a trace of conversations against a node: what an entry takes in the log
    Logbytes(LogbytesArguments),
    /// Start a node on so many objects: what each of them costs in memory
    Memory(ObjectsArguments),
    /// Make snapshots of a primary under load: how quick, how long nobody is answered, how much memory
    Snapshot(ObjectsArguments),
    /// Start a node with an empty data directory on a snapshot and a log: how long until it serves
    Coldstart(ObjectsArguments),
    /// The node without a log that `overhead` starts
    #[command(hide = true)]
    NoLog(NoLogArguments),
}

#[derive(Debug, Args)]
pub(crate) struct NoLogArguments {
    /// Its gRPC address
    #[arg(long)]
    pub(crate) listen: String,
    /// Its HTTP address
    #[arg(long)]
    pub(crate) http: String,
    /// Where its directory is made
    #[arg(long)]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RtoArguments {
    /// The log
    #[command(flatten)]
    pub(crate) log: MeasuredLog,
    /// How many times
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) runs: u64,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct RpoArguments {
    /// How many kills
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) runs: u64,
    /// When the primary acknowledges a write
    #[arg(long, value_enum, default_value_t = AckArgument::Durable)]
    pub(crate) ack: AckArgument,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

/// `[oplog] ack` of the nodes that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AckArgument {
    /// When the log has committed it
    Durable,
    /// Once queued for the log
    Async,
}

impl From<AckArgument> for Ack {
    fn from(argument: AckArgument) -> Self {
        match argument {
            AckArgument::Durable => Self::Durable,
            AckArgument::Async => Self::Async,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct LagArguments {
    /// The log
    #[command(flatten)]
    pub(crate) log: MeasuredLog,
    /// Writes a second
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: u32,
    /// How long all of it takes; a number is of seconds
    #[arg(long, default_value = "20s", value_parser = seconds::parse_some)]
    pub(crate) seconds: Span,
    /// How many runs share that time
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) runs: u64,
    /// On which disk; the directory for temporary files when it is left out
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct CatchupArguments {
    /// The log
    #[command(flatten)]
    pub(crate) log: MeasuredLog,
    /// How many entries it holds, at least
    #[arg(long, default_value_t = 400_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) entries: u64,
    /// How many starts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) runs: u64,
    /// On which disk; the directory for temporary files when it is left out
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct AppendArguments {
    /// The log
    #[command(flatten)]
    pub(crate) log: MeasuredLog,
    /// How long all of it takes; a number is of seconds
    #[arg(long, default_value = "40s", value_parser = seconds::parse_some)]
    pub(crate) seconds: Span,
    /// Pairs of ours and bare, for each batch size
    #[arg(long, default_value_t = 5, value_parser = pairs)]
    pub(crate) pairs: usize,
    /// On which disk; the directory for temporary files when it is left out
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct PutArguments {
    /// The log
    #[command(flatten)]
    pub(crate) log: MeasuredLog,
    #[command(flatten)]
    pub(crate) pairs: PairsArguments,
}

/// A benchmark of ours beside something bare, in turn.
#[derive(Debug, Args)]
pub(crate) struct PairsArguments {
    /// How long all of it takes; a number is of seconds
    #[arg(long, default_value = "60s", value_parser = seconds::parse_some)]
    pub(crate) seconds: Span,
    /// Pairs of ours and bare, for each shape
    #[arg(long, default_value_t = 5, value_parser = pairs)]
    pub(crate) pairs: usize,
    /// On which disk; the directory for temporary files when it is left out
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct LogbytesArguments {
    /// The log
    #[command(flatten)]
    pub(crate) log: MeasuredLog,
    /// The trace; one is made up when it is left out
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// How many of its requests
    #[arg(long, default_value_t = 2000)]
    pub(crate) requests: usize,
    /// On which disk; the directory for temporary files when it is left out
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

/// A benchmark of a state of so many objects.
#[derive(Debug, Args)]
pub(crate) struct ObjectsArguments {
    /// How many objects
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) objects: u64,
    /// How many runs
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) runs: u64,
    /// On which disk; the directory for temporary files when it is left out
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The bucket
    #[command(flatten)]
    pub(crate) bucket: MeasuredBucket,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

impl ObjectsArguments {
    /// Where the data are put.
    pub(crate) fn dir(&self) -> PathBuf {
        self.dir.clone().unwrap_or_else(std::env::temp_dir)
    }
}

/// At least one.
fn pairs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(pairs @ 1..=1000) => Ok(pairs),
        _ => Err("want 1 to 1000".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Ask a running node for a snapshot now: a standby if there is one, else the primary
    Create(TargetArguments),
    /// List the snapshots of the catalog, oldest first
    List(ConfigArguments),
    /// Print a snapshot's manifest
    Show(SnapshotArguments),
    /// Read snapshots back and compare the size and hashes of every part; all of the catalog, or one
    Verify(VerifySnapshotArguments),
    /// Have the primary retire now what the `keep` and `keep_for` of this configuration do not keep
    Prune(PruneArguments),
    /// Count the objects that were added, removed and changed from one snapshot to another, and name them
    Diff(DiffArguments),
    /// Make a state again, as it is or as it was at an earlier entry or moment: newest snapshot of before, then the log
    /// behind it
    Restore(RestoreArguments),
    /// Write a snapshot into one file, to be kept or carried elsewhere; beside nodes that run
    Export(ExportArguments),
    /// Make empty stores those of an exported cluster: `serve` goes on from the snapshot
    Import(ImportArguments),
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Name of the snapshot
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct VerifySnapshotArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Name of the snapshot; all of the catalog when it is left out
    pub(crate) id: Option<String>,
    /// Also decode the rows and compare their digest; one that is not listed as verified is attested then
    #[arg(long)]
    pub(crate) deep: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// The older snapshot: its name, or `latest`
    pub(crate) older: String,
    /// The newer snapshot: its name, or `latest`
    pub(crate) newer: String,
    /// Also print each key, one a line, before the counts
    #[arg(long)]
    pub(crate) keys: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PruneArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Only print what would be retired
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// How to print a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Table,
    /// For scripts
    Json,
}
