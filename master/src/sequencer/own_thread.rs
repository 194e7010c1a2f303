//! The sequencer's own thread: it does what takes waiting, and what is due by the clock.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::MutexGuard;
use standfast_core::{EntryId, Error, ErrorKind, Machine, Result};

use super::{Sequencer, SharedSequencer};
use crate::commit::forget_if_gone;
use crate::job::Job;
use crate::thread::Thread;

/// How often the service's upkeep runs.
const UPKEEP: Duration = Duration::from_millis(100);
/// Jobs decided under one hold of the state's lock, so that captures and status get their turn.
const TURN: usize = 128;
/// The longest wait for room without a look at what changed.
const LOOK: Duration = Duration::from_millis(20);

/// What the thread waits for.
#[derive(Clone, Copy, Debug)]
enum Wait {
    /// A job, the bell, or so much time.
    Job(Duration),
    /// Room: jobs are there.
    Room,
}

/// Starts the thread, or gives the sequencer up.
pub(crate) fn start(shared: &Arc<SharedSequencer>) -> Result<Thread<Option<bool>>> {
    let own = Arc::clone(shared);
    Thread::spawn("sequencer", move || run(&own)).inspect_err(|_| shared.abandon())
}

/// Runs until the queue is closed or the log fails. Returns whether nothing that was decided is missing from what was
/// handed to the log; `None` when a panic has taken the sequencer away.
fn run(shared: &SharedSequencer) -> Option<bool> {
    let mut wait = Wait::Job(Duration::ZERO);
    loop {
        let came = match wait {
            Wait::Job(patience) => shared.queue.wait(patience),
            Wait::Room => {
                shared.queue.wait_bell(LOOK);
                true
            }
        };
        let mut seat = shared.sequencer.lock();
        let mut sequencer = seat.take()?;
        if sequencer.is_over() {
            drop(seat);
            return Some(sequencer.finish());
        }
        wait = sequencer.own_turn(came);
        *seat = Some(sequencer);
    }
}

impl Sequencer {
    /// Runs a turn and what is due; `came` tells that it was not time alone that passed.
    fn own_turn(&mut self, came: bool) -> Wait {
        if !came {
            self.linger.over();
        }
        let machine = Arc::clone(&self.machine);
        let mut state = machine.lock();
        if std::mem::take(&mut self.upkeep_first) {
            self.keep_up(&mut state);
        }
        self.turn(&mut state, TURN);
        if self.full {
            // No upkeep: what clients said of themselves may wait behind, and a command may be decided half-way.
            self.publish(&state);
        } else if self.clock.now().since(self.upkept_at) >= UPKEEP {
            self.keep_up(&mut state);
        }
        self.sweep();
        self.seal_if_due(&mut state);
        MutexGuard::unlock_fair(state);
        if self.full {
            Wait::Room
        } else {
            Wait::Job(self.patience())
        }
    }

    /// How long to sleep when there is nothing to do.
    fn patience(&mut self) -> Duration {
        let now = self.clock.now();
        let upkeep = UPKEEP.saturating_sub(now.since(self.upkept_at));
        // The log thread looks at the batch in hand when it has nothing to do.
        self.timed = !self.builder.is_empty() && self.log.idle();
        if self.timed {
            upkeep.min(self.linger.left(now))
        } else {
            upkeep
        }
    }

    /// Runs the service's upkeep.
    fn keep_up(&mut self, state: &mut Machine) {
        self.upkept_at = self.clock.now();
        // Whoever closed intake waits for a state that stands still.
        let now_ms = state.now_ms();
        let due = if self.queue.is_held() {
            Vec::new()
        } else {
            state.upkeep(now_ms)
        };
        for op in due {
            if self
                .log_op(state, &op, (EntryId::default(), now_ms))
                .is_err()
            {
                break;
            }
        }
        self.publish(state);
    }

    /// Drops answers that nobody waits for any more, while the log stands still.
    fn sweep(&mut self) {
        let now = self.clock.now();
        let (committed, at) = self.swept;
        if now.since(at) < UPKEEP {
            return;
        }
        self.swept = (self.commit.committed(), now);
        if self.swept.0 == committed {
            self.commit.forget_gone();
        }
    }

    fn publish(&self, state: &Machine) {
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        let gauge = |name: &'static str, value: u64| metrics::gauge!(name).set(value as f64);
        let committed = self.commit.committed();
        gauge("standfast_applied_seq", state.applied().0);
        gauge("standfast_committed_seq", committed.0);
        gauge(
            "standfast_unflushed_entries",
            state.applied().since(committed),
        );
        gauge("standfast_rows", state.rows());
    }

    /// Hands over what was decided, refuses what was not, and tells whether all of it went to the log.
    fn finish(mut self) -> bool {
        let machine = Arc::clone(&self.machine);
        let mut state = machine.lock();
        while !self.builder.is_empty() && !self.log.failed() {
            self.seal_if_idle(&mut state);
            if !self.builder.is_empty() {
                MutexGuard::unlocked(&mut state, || self.queue.wait_bell(LOOK));
            }
        }
        self.queue.close();
        while let Some(queued) = self.queue.next() {
            refuse(queued.job);
        }
        self.builder.is_empty()
    }
}

fn refuse(job: Job) {
    let not_primary = || Error::new(ErrorKind::NotPrimary { address: None }, "propose");
    match job {
        // What was decided of it may become durable.
        Job::Propose(proposal) if !proposal.outcomes.is_empty() => {
            let error = Error::new(ErrorKind::Unknown, "propose")
                .context("the term ended in the middle of the request");
            forget_if_gone(proposal.answer.send(Err(error)));
        }
        Job::Propose(proposal) => forget_if_gone(proposal.answer.send(Err(not_primary()))),
        Job::Read { answer, .. } => forget_if_gone(answer.send(Err(not_primary()))),
        // Its caller sees that the closure was dropped.
        Job::AtBatchEnd(_) => {}
    }
}
