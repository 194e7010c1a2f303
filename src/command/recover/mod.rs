mod accept;
mod plan;

use std::process::ExitCode;

use super::Failure;
use super::args::RecoverArguments;

/// Looks at what a cold start would come to, or goes on without what is lost.
pub(super) async fn run(arguments: RecoverArguments) -> Result<ExitCode, Failure> {
    if arguments.accept_loss {
        accept::run(arguments).await
    } else {
        plan::run(&arguments.config).await
    }
}
