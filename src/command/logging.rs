use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use super::args::Command;

/// Logs to standard error: a node says what it does, a command only what went wrong. `RUST_LOG` overrides.
pub(super) fn start(command: &Command) {
    let default = if matches!(command, Command::Serve(_)) {
        "info"
    } else {
        "error"
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .init();
}
