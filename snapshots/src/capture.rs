use std::sync::Arc;

use parking_lot::MutexGuard;
use standfast_core::{CaptureId, Captured, Machine, Portion, Result, Section, SharedMachine};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use crate::metrics;
use crate::part::{PartBuilder, RawPart};

/// A part on its way from the state to the store. It holds its slot of the memory until it was uploaded.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) index: usize,
    pub(crate) part: RawPart,
    pub(crate) slot: OwnedSemaphorePermit,
}

/// Which rows of a capture are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// All.
    Everything,
    /// Those that changed since the capture's base.
    Changes,
}

/// So many rows are read at once, which takes some tenths of a millisecond: whoever applies waits no longer.
const ROWS: usize = 512;

/// Ends a capture however its reading ends: a capture that stays open keeps before-images for ever.
#[derive(Debug)]
pub(crate) struct OpenCapture {
    machine: SharedMachine,
    id: CaptureId,
}

impl OpenCapture {
    pub(crate) fn new(machine: &SharedMachine, captured: &Captured) -> Self {
        Self {
            machine: Arc::clone(machine),
            id: captured.id,
        }
    }

    /// Reads the state, or what changed of it, section by section, on a thread that may block, and hands over part by part.
    ///
    /// The lock is taken for a few rows at a time and given to whoever waits for it: applying goes on in between.
    /// Ends early, without an error, when nobody takes the parts any more.
    pub(crate) fn read(
        &self,
        what: What,
        part_size: usize,
        slots: &Arc<Semaphore>,
        parts: &mpsc::Sender<Loaded>,
    ) -> Result<()> {
        let runtime = Handle::current();
        let mut sections = Section::all().peekable();
        let mut index = 0;
        let mut few = Vec::new();
        while sections.peek().is_some() {
            let Ok(slot) = runtime.block_on(Arc::clone(slots).acquire_owned()) else {
                return Ok(());
            };
            let mut builder = PartBuilder::with_capacity(part_size + part_size / 8);
            while builder.len() < part_size {
                let Some(section) = sections.next() else {
                    break;
                };
                builder.add(section, |out| {
                    self.read_section(what, section, &mut few, out)
                })?;
            }
            let Some(part) = builder.finish() else {
                break;
            };
            if parts.blocking_send(Loaded { index, part, slot }).is_err() {
                return Ok(());
            }
            index += 1;
        }
        Ok(())
    }

    /// Reads into `few` first: a part that gets more memory does so without the lock.
    fn read_section(
        &self,
        what: What,
        section: Section,
        few: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<u64> {
        let mut rows = 0;
        loop {
            few.clear();
            // Whoever loses the processor while it holds the lock makes everybody wait: begin with all of a time slice.
            std::thread::yield_now();
            let read = self.locked(|machine| match what {
                What::Everything => machine.read_some(self.id, section, ROWS, few),
                What::Changes => machine
                    .read_changes(self.id, section, few)
                    .map(|rows| Portion { rows, more: false }),
            })?;
            out.extend_from_slice(few);
            rows += read.rows;
            if !read.more {
                return Ok(rows);
            }
        }
    }

    fn locked<T>(&self, read: impl FnOnce(&mut Machine) -> T) -> T {
        let mut machine = self.machine.lock();
        let locked = Instant::now();
        let read = read(&mut machine);
        MutexGuard::unlock_fair(machine);
        metrics::locked(locked.elapsed());
        read
    }
}

impl Drop for OpenCapture {
    fn drop(&mut self) {
        self.locked(|machine| machine.end_capture(self.id));
    }
}
