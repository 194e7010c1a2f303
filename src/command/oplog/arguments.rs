use clap::{Args, Subcommand};

use crate::command::args::ConfigArguments;
use crate::command::text;

#[derive(Debug, Subcommand)]
pub(crate) enum OplogCommand {
    /// Print the ends of the log, its terms and its size
    Inspect(ConfigArguments),
    /// Print entries, one a line
    Dump(DumpArguments),
    /// Read the whole log, check every checksum, chain and number, replay it and compare the digests in it
    Verify(ConfigArguments),
    /// Have every node pass an entry over that none of them can apply; all nodes are stopped, or stand still
    Skip(SkipArguments),
}

#[derive(Debug, Args)]
pub(crate) struct SkipArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// The entry
    #[arg(long)]
    pub(crate) seq: u64,
    /// Why; kept with the log
    #[arg(long, value_name = "TEXT", value_parser = text::reason)]
    pub(crate) reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct DumpArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// First entry to print
    #[arg(long, default_value_t = 1)]
    pub(crate) from: u64,
    /// Most entries to print; all of them when it is left out
    #[arg(long, default_value_t = u64::MAX, hide_default_value = true)]
    pub(crate) limit: u64,
}
