//! Layers: what may be put around any log, snapshot store or election.
//!
//! | layer | does |
//! |---|---|
//! | [`Metrics`] | times the calls of a store, and counts its errors |
//! | [`Retry`] | makes calls again that failed in passing, where their contract allows it |
//! | [`Throttle`] | lets so many calls, or bytes, pass in a second |
//! | [`Timeout`] | gives calls up that take too long |
//! | [`Faults`] | makes calls fail, hang, or lie: by a script, or by a seed |
//!
//! # What goes outside what
//!
//! ```text
//!   caller -> Metrics -> Retry -> Throttle -> Timeout -> Faults -> store
//! ```
//!
//! * `Metrics` outermost tells what the caller meets. Inside `Retry` it would tell how the store does, each try by itself.
//! * `Retry` outside `Timeout`: each try has its time. The other way round the limit would cut a pause, and nothing would be
//!   tried again.
//! * `Retry` outside `Throttle`: a second try takes a turn as any other call; a store that is in trouble gets no more calls
//!   than it can bear.
//! * `Throttle` outside `Timeout`: waiting for a turn is no fault of the store. The other way round a busy caller's writes
//!   would be in doubt without having been sent.
//! * `Faults` innermost: it stands for the store.
//!
//! ```
//! use std::num::NonZeroU64;
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use standfast_backends::layers::{Fault, Faults, Layer, Metrics, Operation, Retry, Throttle, Timeout};
//! use standfast_backends::{MemoryLogSpace, MemoryOpLog};
//! use standfast_core::{ErrorKind, OpLogStore, Result};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! let faults = Faults::seeded(7);
//! faults.script(Operation::Usage, 1..=2, Fault::Fail(ErrorKind::Unavailable));
//!
//! let mut log: Arc<dyn OpLogStore> = Arc::new(MemoryOpLog::open(&MemoryLogSpace::new()));
//! log = faults.oplog(log);
//! log = Timeout::new(Duration::from_secs(5)).with(Operation::OpenWriter, Duration::from_secs(60)).oplog(log);
//! log = Throttle::calls(NonZeroU64::new(1000).expect("not zero")).oplog(log);
//! log = Retry::new(5).oplog(log);
//! log = Metrics::new("oplog", log.name()).oplog(log);
//!
//! log.usage().await?;
//! assert_eq!(faults.calls(Operation::Usage), 3, "it was tried again");
//! # Ok(())
//! # }
//! ```
//!
//! # Of one's own
//!
//! A [`Layer`] is one function around a call. It sees every call of what it wraps, and of the writers, tails, uploads and
//! leaderships that come out of it; only the renewal of a lease passes none. What `capabilities` and `name` tell is the
//! store's.

mod answer;
mod faults;
mod layer;
mod metrics;
mod operation;
mod retry;
mod stores;
#[cfg(test)]
mod tests;
mod throttle;
mod timeout;

pub use faults::{Fault, Faults};
pub use layer::{Call, Layer};
pub use metrics::Metrics;
pub use operation::{Effect, Operation};
pub use retry::Retry;
pub use throttle::Throttle;
pub use timeout::Timeout;
