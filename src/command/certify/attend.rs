use std::process::ExitCode;

use standfast::conformance::Processes;

use crate::command::Failure;

/// The word with which certify starts itself as a leader that it freezes and kills.
const WORD: &str = "certify-process";

/// This program, as such a leader.
pub(super) fn processes() -> Result<Processes, Failure> {
    Ok(Processes::new(std::env::current_exe()?, [WORD]))
}

/// The life of such a leader.
pub(in crate::command) async fn attend() -> Result<ExitCode, Failure> {
    standfast::conformance::attend(&standfast_backends::builtin()).await?;
    Ok(ExitCode::SUCCESS)
}
