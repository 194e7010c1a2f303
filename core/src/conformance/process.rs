use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;

/// A handle on a store, and the process that has it: one of its own, or what looks like one to all others.
pub struct Apart<S: ?Sized> {
    /// The handle. The writers and terms that it gives live in the process.
    pub store: Arc<S>,
    /// The process.
    pub process: Arc<dyn Process>,
}

impl<S: ?Sized> Clone for Apart<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            process: Arc::clone(&self.process),
        }
    }
}

impl<S: ?Sized + fmt::Debug> fmt::Debug for Apart<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Apart({:?} in {:?})", self.store, self.process)
    }
}

/// A process that leads, with its life in the suite's hand.
#[async_trait]
pub trait Process: Send + Sync + fmt::Debug {
    /// Stops it (SIGSTOP): it renews and writes nothing, and lives. It stands still on return.
    ///
    /// # Errors
    /// What keeps it from being stopped.
    ///
    /// # Cancel safety
    /// May or may not have happened.
    async fn freeze(&self) -> Result<()>;

    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    /// What keeps it from going on.
    ///
    /// # Cancel safety
    /// May or may not have happened.
    async fn thaw(&self) -> Result<()>;

    /// Ends it without a word (SIGKILL), frozen or not. It is gone on return.
    ///
    /// Of a log or a snapshot store, every call that the process is asked for, under way or later, must answer
    /// `Indeterminate`: the cases wait for that answer and drop nothing before it. Of an election the caller drops what it
    /// has of it next: where the process is only played, that may be what ends it.
    ///
    /// # Errors
    /// What keeps it from being killed.
    ///
    /// # Cancel safety
    /// May or may not have happened.
    async fn kill(&self) -> Result<()>;
}
