use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use standfast_core::{Epoch, Position};

use super::file::HighWaterFile;

/// Where the thread finds what to write.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) next: Mutex<Next>,
    pub(super) wake: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct Next {
    /// Put what is there aside first, under the name of this epoch.
    pub(super) aside: Option<Epoch>,
    pub(super) position: Option<Position>,
    /// What was taken last is being written.
    pub(super) writing: bool,
    pub(super) stop: bool,
    pub(super) ended: bool,
}

enum Work {
    PutAside(Epoch),
    Write(Position),
}

impl Desk {
    /// Writes the newest Position each time, until it is told to stop.
    pub(super) fn write_all(&self, file: &HighWaterFile) {
        while let Some(work) = self.take() {
            let done = match work {
                Work::PutAside(epoch) => file.put_aside(epoch),
                Work::Write(position) => file.write(position),
            };
            if let Err(error) = done {
                tracing::warn!(%error, "cannot keep the high-water mark");
                metrics::counter!("standfast_high_water_failures_total").increment(1);
            }
        }
        self.next.lock().ended = true;
        self.wake.notify_all();
    }

    fn take(&self) -> Option<Work> {
        let mut next = self.next.lock();
        loop {
            if let Some(work) = next.work() {
                next.writing = true;
                return Some(work);
            }
            if next.writing {
                next.writing = false;
                self.wake.notify_all();
            }
            if next.stop {
                return None;
            }
            self.wake.wait(&mut next);
        }
    }

    /// Waits until nothing is left to write, for so long at most.
    pub(super) fn wait_until_written(&self, patience: Duration) {
        let mut next = self.next.lock();
        let unwritten = |next: &mut Next| {
            !next.ended && (next.writing || next.aside.is_some() || next.position.is_some())
        };
        self.wake.wait_while_for(&mut next, unwritten, patience);
    }
}

impl Next {
    fn work(&mut self) -> Option<Work> {
        if let Some(epoch) = self.aside.take() {
            return Some(Work::PutAside(epoch));
        }
        self.position.take().map(Work::Write)
    }
}
