use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Told to stop: by SIGTERM, or by SIGINT as of Ctrl-C.
#[derive(Debug)]
pub struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// From now on the signals no longer end the process by themselves.
    ///
    /// # Errors
    /// When the system does not let this process listen.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next of the signals.
    ///
    /// # Cancel safety
    /// Cancel safe: no signal is lost.
    pub async fn told(&mut self) {
        // Both are cancel safe.
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
