use std::path::PathBuf;

use clap::{Args, value_parser};
use standfast_core::Seq;
use standfast_snapshots::Point;

use crate::command::args::ConfigArguments;
use crate::command::moment;

#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    #[command(flatten)]
    pub(super) config: ConfigArguments,
    /// As it was after this entry, or before the batch that it is in the middle of
    #[arg(long, value_name = "N", conflicts_with = "at_time", value_parser = value_parser!(u64).range(1..))]
    at_seq: Option<u64>,
    /// As it was at this moment of the cluster's clock, which `oplog dump` shows: in UTC, such as 2026-11-22T14:05:00Z, or in
    /// milliseconds since 1970
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    at_time: Option<u64>,
    /// Make a cluster of it that can be served, in this directory, which must not exist; the stores of the
    /// configuration stay as they are
    #[arg(long, value_name = "DIR")]
    pub(super) to: Option<PathBuf>,
}

impl RestoreArguments {
    pub(super) fn point(&self) -> Point {
        match (self.at_seq, self.at_time) {
            (Some(seq), _) => Point::Seq(Seq(seq)),
            (None, Some(ms)) => Point::Time(ms),
            (None, None) => Point::Newest,
        }
    }
}
