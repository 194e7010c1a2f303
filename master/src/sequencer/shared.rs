use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;

use super::Sequencer;
use crate::queue::Queue;

/// Jobs that a caller decides in a turn, and turns that it takes while others queue more, before it leaves the rest to the
/// sequencer's thread: its own answer waits meanwhile.
const CALLERS_TURN: usize = 16;
const CALLERS_TURNS: usize = 2;

/// The sequencer, in the hands of whoever finds it free: a caller, the log thread, or its own thread.
///
/// A caller that finds it free decides by itself, and what others have queued meanwhile: no thread is woken for it.
/// One that does not find it free goes on to wait for its answer, since whoever lets go of the sequencer looks at the
/// queue once more (flat combining, Hendler et al., SPAA 2010). None of this waits: what takes waiting is left to the
/// sequencer's own thread, and so is a state that another has locked.
///
/// Whoever works with the sequencer takes it out of its seat. A panic of the service drops it, and with it the way to the log:
/// the term ends. The caller on whose thread that happened may have decided for another, so it goes on.
pub(crate) struct SharedSequencer {
    pub(super) queue: Arc<Queue>,
    /// Empty when the term is over.
    pub(super) sequencer: Mutex<Option<Box<Sequencer>>>,
}

/// What a visit leaves to the sequencer's own thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// Nothing; jobs that came meanwhile are the visitor's.
    Nothing,
    /// What it goes on with by itself, jobs included.
    Known,
    /// What it must be woken for.
    News,
}

impl SharedSequencer {
    pub(crate) fn new(sequencer: Sequencer) -> Arc<Self> {
        Arc::new(Self {
            queue: Arc::clone(&sequencer.queue),
            sequencer: Mutex::new(Some(Box::new(sequencer))),
        })
    }

    /// Decides what is in the queue, if nobody else does.
    pub(crate) fn decide_if_free(&self) {
        for _ in 0..CALLERS_TURNS {
            match self.visit(Sequencer::callers_turn) {
                Some(Left::Nothing) if self.queue.has_next() => {}
                Some(Left::Nothing | Left::Known) | None => return,
                Some(Left::News) => break,
            }
        }
        self.queue.ring();
    }

    /// The log has nothing to do: hands it the next batch.
    pub(crate) fn log_is_idle(&self) {
        let left = self.visit(Sequencer::logs_turn);
        // Not visited: whoever has it may have looked at the log before it was idle.
        if left != Some(Left::Nothing) || self.queue.has_next() {
            self.queue.ring();
        }
    }

    /// Works with the sequencer, unless another does.
    fn visit(&self, work: impl FnOnce(&mut Sequencer) -> Left) -> Option<Left> {
        let mut seat = self.sequencer.try_lock()?;
        let mut sequencer = seat.take()?;
        let Ok(left) = catch_unwind(AssertUnwindSafe(|| work(&mut sequencer))) else {
            tracing::error!("the service panicked: a defect of it; the term ends");
            return None;
        };
        *seat = Some(sequencer);
        Some(left)
    }

    /// Gives the sequencer up: no thread of its own could be started.
    pub(crate) fn abandon(&self) {
        drop(self.sequencer.lock().take());
    }
}

impl Sequencer {
    fn callers_turn(&mut self) -> Left {
        if self.full || self.upkeep_first || self.is_over() {
            return Left::Known;
        }
        let machine = Arc::clone(&self.machine);
        let Some(mut state) = machine.try_lock() else {
            return Left::News;
        };
        self.turn(&mut state, CALLERS_TURN);
        self.left()
    }

    fn logs_turn(&mut self) -> Left {
        let machine = Arc::clone(&self.machine);
        let Some(mut state) = machine.try_lock() else {
            return Left::News;
        };
        self.seal_if_due(&mut state);
        self.left()
    }

    /// Whether its own thread must be told: of a job that waits for room, or of the batch in hand, so that it is handed over in
    /// time.
    fn left(&mut self) -> Left {
        let untimed = !self.builder.is_empty() && self.log.idle() && !self.timed;
        self.timed |= untimed;
        if self.full || untimed {
            Left::News
        } else {
            Left::Nothing
        }
    }
}
