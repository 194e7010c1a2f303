use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use standfast::replay::{BatchBy, ReplayOptions, Speed};
use standfast_core::{ByteSize, Result};

use crate::command::args::Output;
use crate::command::nodes::NodesArguments;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").args(["trace", "generate", "check"]).required(true)))]
pub(crate) struct ReplayArguments {
    /// The trace: a JSON object a line, with `timestamp` (ms) and `hash_ids`
    pub(crate) trace: Option<PathBuf>,
    /// Or play a made-up trace of so many requests
    #[arg(long, value_name = "N")]
    pub(crate) generate: Option<usize>,
    /// What the made-up trace is drawn from
    #[arg(long, value_name = "S", default_value_t = 1, requires = "generate")]
    pub(crate) seed: u64,
    /// Or play nothing, and only look for what this record says was acknowledged
    #[arg(long, value_name = "RECORD", conflicts_with = "record")]
    pub(crate) check: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) nodes: NodesArguments,
    /// How fast: real, a factor like 10x, or max
    #[arg(long, default_value = "max")]
    pub(crate) speed: Speed,
    /// Sessions that work through the trace together
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) clients: usize,
    /// How blocks are sent: all of a request in one call, or each in its own
    #[arg(long, value_enum, default_value_t = Batch::Request)]
    pub(crate) batch: Batch,
    /// Size that a block is said to have
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = ByteSize::parse)]
    pub(crate) block_size: ByteSize,
    /// Segments to mount; no memory is taken, only the places are kept
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) segments: usize,
    /// Size that a segment is said to have
    #[arg(long, value_name = "SIZE", default_value = "16GiB", value_parser = ByteSize::parse)]
    pub(crate) segment_size: ByteSize,
    /// Play the trace so often, each time with blocks of its own
    #[arg(long = "loop", value_name = "N", default_value_t = 1)]
    pub(crate) passes: u64,
    /// Play only the first N requests of the trace
    #[arg(long, value_name = "N", conflicts_with = "generate")]
    pub(crate) limit: Option<usize>,
    /// Keep the record of acknowledgements here; it must not exist yet
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Read from the log of this configuration which keys were removed on purpose: they count as evicted, not as missing
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

/// How the blocks of a request are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Batch {
    /// All blocks of a request in one call
    Request,
    /// Each block in a call of its own, in order
    Key,
}

impl ReplayArguments {
    pub(super) async fn options(&self) -> Result<ReplayOptions> {
        let mut options = ReplayOptions::new(self.nodes.endpoints().await?);
        options.speed = self.speed;
        options.clients = self.clients;
        options.batch = match self.batch {
            Batch::Request => BatchBy::Request,
            Batch::Key => BatchBy::Key,
        };
        options.block_size = self.block_size;
        options.segments = self.segments;
        options.segment_size = self.segment_size;
        options.passes = self.passes;
        options.checked()
    }
}
