use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use standfast_core::{OpLogWriter, Result};
use tokio::time::Instant;

use super::layer::{Call, Layer};
use super::operation::{Effect, Operation};

/// Counts and times the calls of one store, with the `metrics` crate.
///
/// | name | labels | |
/// |--|--|--|
/// | `standfast_store_seconds` | store, backend, operation | how long calls took; its count is the number of calls |
/// | `standfast_store_errors_total` | store, backend, operation, kind | calls that failed |
///
/// What waits for news or for leadership is not timed. A writer is handed out as it is: the master tells how its appends
/// go (`standfast_append_seconds`), and they stay as cheap as without the layer.
#[derive(Clone)]
pub struct Metrics(Arc<Told>);

struct Told {
    store: &'static str,
    backend: String,
    /// One for each operation, made when it is called first.
    seconds: Vec<OnceLock<metrics::Histogram>>,
}

impl Metrics {
    /// For a store that is called `store` in the configuration, of type `backend`.
    pub fn new(store: &'static str, backend: impl Into<String>) -> Self {
        Self(Arc::new(Told {
            store,
            backend: backend.into(),
            seconds: Operation::ALL.iter().map(|_| OnceLock::new()).collect(),
        }))
    }

    fn took(&self, operation: Operation, begun: Instant) {
        let Told {
            store,
            backend,
            seconds,
        } = &*self.0;
        let make = || {
            metrics::histogram!(
                "standfast_store_seconds",
                "store" => *store, "backend" => backend.clone(), "operation" => operation.name()
            )
        };
        if let Some(seconds) = seconds.get(operation as usize) {
            let took = begun.elapsed();
            seconds.get_or_init(make).record(took.as_secs_f64());
        }
    }

    fn failed(&self, operation: Operation, kind: &'static str) {
        metrics::counter!(
            "standfast_store_errors_total",
            "store" => self.0.store,
            "backend" => self.0.backend.clone(),
            "operation" => operation.name(),
            "kind" => kind
        )
        .increment(1);
    }
}

impl Layer for Metrics {
    async fn run<T: Any + Send>(
        &self,
        call: Call,
        attempt: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let begun = Instant::now();
        let answer = attempt.await;
        if call.operation.effect() != Effect::Waits {
            self.took(call.operation, begun);
        }
        if let Err(error) = &answer {
            self.failed(call.operation, error.kind().name());
        }
        answer
    }

    fn writer(&self, inner: Box<dyn OpLogWriter>) -> Box<dyn OpLogWriter> {
        inner
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metrics({}, {})", self.0.store, self.0.backend)
    }
}
