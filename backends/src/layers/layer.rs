use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use standfast_core::{ElectionBackend, OpLogStore, OpLogTail, OpLogWriter, Result, SnapshotStore};

use super::operation::Operation;
use super::retry::Retry;
use super::stores::{LayeredElection, LayeredOpLog, LayeredSnapshots, LayeredTail, LayeredWriter};

/// A call on its way to a store.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// What is asked for.
    pub operation: Operation,
    /// Bytes that it carries: of a batch or a part, otherwise 0.
    pub bytes: usize,
}

/// Something between a caller and any store, that passes every call on: what it does there is all that an
/// implementation writes. Clones share what it keeps.
///
/// What a wrapped store hands out - writers, tails, uploads, leaderships - goes through the layer as well.
pub trait Layer: Clone + Debug + Send + Sync + 'static {
    /// Makes a call, once or not at all. Dropping what is returned drops `attempt`.
    ///
    /// # Errors
    /// Those of `attempt`, and the layer's own.
    ///
    /// # Cancel safety
    /// That of the call.
    fn run<T: Any + Send>(
        &self,
        call: Call,
        attempt: impl Future<Output = Result<T>> + Send,
    ) -> impl Future<Output = Result<T>> + Send;

    /// How calls that failed are made again; only [`Retry`] does.
    fn retry(&self) -> Option<&Retry> {
        None
    }

    /// Around a log.
    fn oplog(&self, inner: Arc<dyn OpLogStore>) -> Arc<dyn OpLogStore> {
        Arc::new(LayeredOpLog::new(self.clone(), inner))
    }

    /// Around a store of snapshots.
    fn snapshots(&self, inner: Arc<dyn SnapshotStore>) -> Arc<dyn SnapshotStore> {
        Arc::new(LayeredSnapshots::new(self.clone(), inner))
    }

    /// Around an election.
    fn election(&self, inner: Arc<dyn ElectionBackend>) -> Arc<dyn ElectionBackend> {
        Arc::new(LayeredElection::new(self.clone(), inner))
    }

    /// Around the writer of a term.
    fn writer(&self, inner: Box<dyn OpLogWriter>) -> Box<dyn OpLogWriter> {
        Box::new(LayeredWriter::new(self.clone(), inner))
    }

    /// Around a reader that waits for more.
    fn tail(&self, inner: Box<dyn OpLogTail>) -> Box<dyn OpLogTail> {
        Box::new(LayeredTail::new(self.clone(), inner))
    }
}

/// Makes a call through the layer of `$this`, again as long as the layer wants to: then `$attempt` is evaluated anew.
macro_rules! call {
    ($this:ident, $operation:ident, $attempt:expr) => {
        call!($this, $operation, 0, $attempt)
    };
    ($this:ident, $operation:ident, $bytes:expr, $attempt:expr) => {{
        let call = $crate::layers::Call {
            operation: $crate::layers::Operation::$operation,
            bytes: $bytes,
        };
        let mut tries = 1;
        loop {
            match $this.layer.run(call, $attempt).await {
                Err(error) => {
                    let retry = $this.layer.retry();
                    match retry.and_then(|retry| retry.pause(call, tries, &error)) {
                        Some(pause) => tokio::time::sleep(pause).await,
                        None => break Err(error),
                    }
                    tries += 1;
                }
                answer => break answer,
            }
        }
    }};
}
pub(super) use call;
