use std::io;
use std::os::fd::AsFd;

use standfast::Stop;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use super::Failure;

/// Runs `work`; when it is told to stop, drops it, and with it all it has started.
///
/// # Errors
/// Those of `work`, and that it was interrupted.
pub(crate) async fn unless_stopped<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut stop = Stop::listen()?;
    // Neither is awaited again.
    tokio::select! {
        result = work => result,
        () = stop.told() => Err("interrupted; what was started was stopped".into()),
    }
}

/// Runs `work`, which ends by itself when it is told to stop, and takes back what it holds; at the second word it is dropped, for
/// a store may hang.
///
/// # Errors
/// Those of `work`, and that it was dropped.
pub(crate) async fn unless_stopped_twice<T>(
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut stop = Stop::listen()?;
    let twice = async {
        stop.told().await;
        stop.told().await;
    };
    // Neither is awaited again.
    tokio::select! {
        result = work => result,
        () = twice => Err("interrupted twice; a pin may stay, and is taken away by the leader when it has aged".into()),
    }
}

/// Standard input, a pipe that whoever started this process holds open for as long as it lives.
///
/// # Errors
/// When standard input is no pipe.
pub(crate) fn stdin_pipe() -> Result<Receiver, Failure> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    let told = |error| format!("--stop-with-stdin wants a pipe as standard input: {error}");
    Ok(Receiver::from_owned_fd(stdin).map_err(told)?)
}

/// Waits until the other end of the pipe is closed; what comes through it is passed over.
///
/// # Cancel safety
/// Cancel safe.
pub(crate) async fn ended(mut pipe: Receiver) {
    let mut ignored = [0; 64];
    while let Ok(1..) = pipe.read(&mut ignored).await {}
}
