use std::error::Error;
use std::fmt;
use std::io::{self, IsTerminal, Write};

use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::Failure;
use super::args::Output;

/// Nobody reads what the command prints any more, as after `| head`: it ends without a word.
#[derive(Debug)]
pub(crate) struct NobodyReads;

impl fmt::Display for NobodyReads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output is a closed pipe")
    }
}

impl Error for NobodyReads {}

/// Prints these at once, each on a line of its own; nothing if there is none.
///
/// # Errors
/// The first of theirs; as [`line`].
pub(crate) fn lines(all: impl Iterator<Item = Result<String, Failure>>) -> Result<(), Failure> {
    let all: Vec<_> = all.collect::<Result<_, _>>()?;
    if all.is_empty() {
        return Ok(());
    }
    line(all.join("\n"))
}

/// Prints one line to standard output.
///
/// # Errors
/// [`NobodyReads`], and whatever else is wrong with standard output.
pub(crate) fn line(text: impl AsRef<str>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let printed = out
        .write_all(text.as_ref().as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
    printed.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => NobodyReads.into(),
        _ => format!("cannot print: {error}").into(),
    })
}

/// Prints `value` as JSON, or what `table` makes of it.
pub(crate) fn print<T: Serialize>(
    output: Output,
    value: &T,
    table: impl FnOnce(&T) -> String,
) -> Result<(), Failure> {
    match output {
        Output::Json => line(serde_json::to_string_pretty(value)?),
        Output::Table => line(table(value)),
    }
}

/// A table with these columns.
pub(crate) fn table(columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header(columns);
    table
}

/// A progress bar on standard error; nothing at all when that is not a terminal.
pub(crate) fn progress(steps: u64, what: &'static str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(steps).with_message(what);
    match ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} {eta}") {
        Ok(style) => bar.with_style(style),
        Err(_default_style_then) => bar,
    }
}
