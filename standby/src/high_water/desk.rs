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
            if let Some(epoch) = next.aside.take() {
                return Some(Work::PutAside(epoch));
            }
            if let Some(position) = next.position.take() {
                return Some(Work::Write(position));
            }
            if next.stop {
                return None;
            }
            self.wake.wait(&mut next);
        }
    }
}
