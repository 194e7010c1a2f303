use async_trait::async_trait;
use parking_lot::Mutex;
use standfast::conformance::LogTwist;
use standfast::standfast_core::{Batch, OpLogWriter, Position};
use standfast::{Error, ErrorKind, Result};

/// Does not write a batch when it comes for the first time, and says so.
#[derive(Default)]
pub(super) struct AsksAgain(Mutex<Vec<Position>>);

impl AsksAgain {
    fn is_new(&self, batch: &Batch) -> bool {
        let mut came = self.0.lock();
        let new = !came.contains(&batch.end());
        came.push(batch.end());
        new
    }
}

#[async_trait]
impl LogTwist for AsksAgain {
    async fn append(&self, writer: &mut dyn OpLogWriter, batch: &Batch) -> Result<Position> {
        if self.is_new(batch) {
            return Err(Error::new(ErrorKind::NotWritten, "append").context("asked for again"));
        }
        writer.append(batch).await
    }
}
