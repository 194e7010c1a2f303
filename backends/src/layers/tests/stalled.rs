//! The case of the suite about an append that was dropped, on a log whose append has not ended by then.

use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::conformance::{Log, LogHarness, LogSpace};
use standfast_core::{OpLogStore, Result};

use crate::layers::{Fault, Faults, Layer, Operation};
use crate::suite::passes;
use crate::{MemoryLogSpace, MemoryOpLog};

#[derive(Debug)]
struct Stalling;

#[async_trait]
impl LogHarness for Stalling {
    async fn space(&self) -> Result<Box<dyn LogSpace>> {
        Ok(Box::new(Space(MemoryLogSpace::new())))
    }
}

#[derive(Debug)]
struct Space(MemoryLogSpace);

#[async_trait]
impl LogSpace for Space {
    async fn open(&self) -> Result<Arc<dyn OpLogStore>> {
        let faults = Faults::seeded(1);
        // The first one begins the term.
        faults.script(Operation::Append, 2..=2, Fault::Stall);
        Ok(faults.oplog(Arc::new(MemoryOpLog::open(&self.0))))
    }

    async fn remove(&self) -> Result<()> {
        Ok(())
    }
}

#[test]
fn h03_an_append_that_was_dropped_is_in_doubt_and_ends_the_writer() {
    let harness: Arc<dyn LogHarness> = Arc::new(Stalling);
    passes::<Log>(
        &harness,
        "h03_an_append_that_was_dropped_is_in_doubt_and_ends_the_writer",
    );
}
