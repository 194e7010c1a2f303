use clap::Args;

use standfast_core::Span;

use crate::command::args::ConfigArguments;
use crate::command::seconds;

/// What the scratch places are called unless it is said.
pub(super) const SCRATCH: &str = "certify";

/// How long a case may take unless it is said.
pub(super) const PATIENCE: &str = "120s";

/// Prove that the configured stores keep what the node relies on: the conformance suite, in scratch places
///
/// Opens the stores of the configuration as a node does, each in scratch places of its own beside the configured data, on the
/// same file system or bucket, and runs every case of the conformance suite on them. Reads and writes nothing but the scratch
/// places, and removes them at the end: nodes may run on the configured stores meanwhile, a little slower. The stores need
/// not have been initialised.
///
/// Prints for every rule of the contracts and every hazard whether it holds: pass, not applicable and because of what, or
/// fail with the seed and the way to run it again. Exit code 0: all that the node relies on holds; 1: it does not; 2: wrong
/// words.
#[derive(Debug, Args)]
pub(crate) struct CertifyArguments {
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Run only the cases that have this in their names
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) only: String,
    /// The first seed of the cases that draw lots
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// With how many seeds each case is run
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: u64,
    /// How long a case may take with one seed: one that takes longer is stuck, and has failed; a number is of seconds
    #[arg(long, value_name = "DURATION", default_value = PATIENCE, value_parser = seconds::parse_some)]
    pub(crate) patience: Span,
    /// What the scratch places are called; refused when there are some of this name
    #[arg(long, value_name = "NAME", default_value = SCRATCH, value_parser = scratch_name)]
    pub(crate) scratch: String,
}

fn scratch_name(text: &str) -> Result<String, String> {
    standfast::conformance::check_scratch_name(text)
        .map(|()| text.to_owned())
        .map_err(|error| error.to_string())
}
