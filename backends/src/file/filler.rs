use std::fs::File;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::exclusive::Draft;
use super::log_dir::LogDir;
use super::reserve::zero;

/// How much is zero-filled ahead of the writer.
const AHEAD: u64 = 4 << 20;
/// How much of it in one go.
const CHUNK: u64 = 1 << 20;
/// How much is allocated in one go for a writer that outruns the zeros.
const STRIDE: u64 = 16 << 20;

/// Fills segments with zeros ahead of their writer, from a thread of its own: overwriting synced zeros costs a sync of
/// data only, growing a file costs one of the journal as well.
///
/// Zeros cost as much bandwidth as data. A writer that is faster than half of what lies ahead of it gets blocks that
/// are only allocated: they read as zeros, and each sync of them costs an eighth more.
///
/// What lies below `filled` is the writer's alone, what lies above it this one's.
#[derive(Debug)]
pub(super) struct Filler {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    dir: Arc<LogDir>,
    state: Mutex<State>,
    wake: Condvar,
    /// Held while zeros are written, by the thread or by a writer that cannot wait for it.
    filling: Mutex<()>,
}

#[derive(Debug)]
struct State {
    file: Arc<File>,
    filled: u64,
    used: u64,
    spare: Option<(Draft, u64)>,
    /// The writer outruns the zeros.
    hurried: bool,
    /// The last try failed; not tried again before the writer has moved.
    blocked: bool,
    stop: bool,
}

enum Job {
    Fill(Arc<File>),
    Spare,
}

impl Filler {
    pub(super) fn start(dir: Arc<LogDir>, file: Arc<File>, filled: u64) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            dir,
            state: Mutex::new(State {
                file,
                filled,
                used: 0,
                spare: None,
                hurried: false,
                blocked: false,
                stop: false,
            }),
            wake: Condvar::new(),
            filling: Mutex::new(()),
        });
        let inside = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("log-filler".into())
            .spawn(move || inside.run())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Says that the writer goes on to `end`, and makes sure that there is room up to it.
    ///
    /// # Errors
    /// The disk is full, or broken; nothing changed for readers.
    pub(super) fn reserve_room(&self, end: u64, may_use_reserve: bool) -> io::Result<()> {
        {
            let mut state = self.shared.state.lock();
            state.used = end;
            state.blocked = false;
            if state.wants_more(self.shared.dir.segment_size()) {
                self.shared.wake.notify_one();
            }
            if end <= state.filled {
                return Ok(());
            }
        }
        let _filling = self.shared.filling.lock();
        let (file, filled) = {
            let state = self.shared.state.lock();
            (Arc::clone(&state.file), state.filled)
        };
        if end <= filled {
            return Ok(());
        }
        let to = end.next_multiple_of(4096);
        let reserve = self.shared.dir.reserve();
        if may_use_reserve {
            reserve.with(|| zero(&file, filled, to))?;
        } else {
            reserve.restore()?;
            zero(&file, filled, to)?;
        }
        self.shared.state.lock().filled = to;
        Ok(())
    }

    /// The file prepared for the next segment, if it is ready.
    pub(super) fn take_spare(&self) -> Option<(Draft, u64)> {
        self.shared.state.lock().spare.take()
    }

    /// Goes on with the next segment.
    pub(super) fn turn_to(&self, file: Arc<File>, filled: u64) {
        // The thread may be filling the old file; its length must not be booked on the new one.
        let _filling = self.shared.filling.lock();
        let mut state = self.shared.state.lock();
        state.file = file;
        state.filled = filled;
        state.used = 0;
        state.blocked = false;
        self.shared.wake.notify_one();
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        self.shared.state.lock().stop = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the filler does not panic");
        }
    }
}

impl State {
    fn wants_more(&self, segment_size: u64) -> bool {
        self.filled < segment_size.min(self.used + AHEAD) || self.wants_spare(segment_size)
    }

    fn wants_spare(&self, segment_size: u64) -> bool {
        self.spare.is_none() && self.used + AHEAD > segment_size
    }
}

impl Shared {
    fn run(&self) {
        while let Some(job) = self.next_job() {
            let done = match job {
                Job::Fill(file) => self.fill(&file),
                Job::Spare => self.prepare_spare(),
            };
            if let Err(error) = done {
                tracing::debug!(%error, "cannot fill ahead; the writer will meet it");
                self.state.lock().blocked = true;
            }
        }
    }

    fn next_job(&self) -> Option<Job> {
        let size = self.dir.segment_size();
        let mut state = self.state.lock();
        loop {
            if state.stop {
                return None;
            }
            if !state.blocked && state.filled < size.min(state.used + AHEAD) {
                return Some(Job::Fill(Arc::clone(&state.file)));
            }
            if !state.blocked && state.wants_spare(size) {
                return Some(Job::Spare);
            }
            self.wake.wait(&mut state);
        }
    }

    fn fill(&self, file: &Arc<File>) -> io::Result<()> {
        // The reserve comes first: what the log takes for itself must leave it whole.
        self.dir.reserve().restore()?;
        let _filling = self.filling.lock();
        let (from, hurried) = {
            let mut state = self.state.lock();
            if !Arc::ptr_eq(&state.file, file) {
                return Ok(());
            }
            // Not the first piece of a segment, which is always short of it.
            state.hurried = state.used > CHUNK && state.filled < state.used + AHEAD / 2;
            (state.filled, state.hurried)
        };
        let most = self.dir.segment_size().max(from);
        let to = if hurried {
            (from + STRIDE).min(most)
        } else {
            (from + CHUNK).min(most)
        };
        extend(file, from, to, hurried)?;
        self.state.lock().filled = to;
        Ok(())
    }

    fn prepare_spare(&self) -> io::Result<()> {
        self.dir.reserve().restore()?;
        let draft = Draft::begin(&self.dir.layout().tmp(), "spare")?;
        let hurried = self.state.lock().hurried;
        let length = if hurried { STRIDE } else { AHEAD };
        let length = length.min(self.dir.segment_size()).next_multiple_of(4096);
        extend(draft.file(), 0, length, hurried)?;
        self.state.lock().spare = Some((draft, length));
        Ok(())
    }
}

/// Makes room that reads as zeros, durably.
fn extend(file: &File, from: u64, to: u64, hurried: bool) -> io::Result<()> {
    if !hurried {
        return zero(file, from, to);
    }
    match fallocate(file, FallocateFlags::empty(), from, to - from) {
        Ok(()) => file.sync_data(),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => zero(file, from, to),
        Err(error) => Err(error.into()),
    }
}
