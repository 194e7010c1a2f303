mod decide;
mod linger;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::MutexGuard;
use standfast_core::{
    BatchBuilder, BatchEnd, BootInstant, Clock, EntryId, Epoch, Error, ErrorKind, Machine, Seq,
    SharedMachine,
};
use tokio::sync::OwnedSemaphorePermit;

use self::linger::Linger;
use crate::commit::{Commit, Pending, Waiter, forget_if_gone};
use crate::config::{Ack, MasterConfig};
use crate::job::Job;
use crate::log::LogHandle;
use crate::queue::{Queue, Queued, busy};
use crate::unflushed::Unflushed;

/// How often the service's upkeep runs.
const UPKEEP: Duration = Duration::from_millis(100);
/// Jobs decided under one hold of the state's lock, so that captures and status get their turn.
const TURN: usize = 128;

/// The one thread that decides and applies. The state runs ahead of the log; answers do not.
pub(crate) struct Sequencer {
    pub(crate) machine: SharedMachine,
    pub(crate) queue: Arc<Queue>,
    pub(crate) commit: Arc<Commit>,
    pub(crate) log: LogHandle,
    pub(crate) config: MasterConfig,
    pub(crate) clock: Clock,
    pub(crate) epoch: Epoch,
    pub(crate) start: Seq,
    after_loss: bool,
    builder: BatchBuilder,
    linger: Linger,
    unflushed: Unflushed,
    at_batch_end: Vec<AtBatchEnd>,
    upkept_at: BootInstant,
    /// What was committed at the last look for answers that nobody waits for any more, and when that was.
    swept: (Seq, BootInstant),
}

/// Something to do to the state at the next batch end.
type AtBatchEnd = Box<dyn FnOnce(&mut Machine) + Send>;

/// What a sequencer is made of.
pub(crate) struct Parts {
    pub(crate) machine: SharedMachine,
    pub(crate) queue: Arc<Queue>,
    pub(crate) commit: Arc<Commit>,
    pub(crate) log: LogHandle,
    pub(crate) config: MasterConfig,
    pub(crate) clock: Clock,
    pub(crate) epoch: Epoch,
    /// Whether upkeep comes before the first job.
    pub(crate) after_loss: bool,
}

impl Sequencer {
    pub(crate) fn new(parts: Parts) -> Self {
        let start = parts.machine.lock().position().seq;
        Self {
            machine: parts.machine,
            queue: parts.queue,
            commit: parts.commit,
            log: parts.log,
            linger: Linger::new(parts.clock.now()),
            unflushed: Unflushed::new(parts.config.max_unflushed_age.0),
            config: parts.config,
            upkept_at: parts.clock.now(),
            swept: (start, parts.clock.now()),
            clock: parts.clock,
            epoch: parts.epoch,
            start,
            after_loss: parts.after_loss,
            builder: BatchBuilder::new(start.next()),
            at_batch_end: Vec::new(),
        }
    }

    /// Runs until the queue is closed or the log fails. Returns whether nothing that was decided is missing
    /// from what was handed to the log.
    pub(crate) fn run(mut self) -> bool {
        let machine = Arc::clone(&self.machine);
        let mut jobs = VecDeque::new();
        if self.after_loss {
            self.keep_up(&mut machine.lock());
        }
        while !self.log.failed() {
            if jobs.is_empty() && !self.queue.take(&mut jobs, self.patience()) {
                self.linger.over();
            }
            if self.queue.is_closed() {
                break;
            }
            let mut state = machine.lock();
            for _ in 0..TURN {
                let Some(queued) = jobs.pop_front() else {
                    break;
                };
                self.run_job(&mut state, queued);
                self.seal_if_due(&mut state);
            }
            self.upkeep(&mut state);
            self.sweep();
            self.seal_if_due(&mut state);
            MutexGuard::unlock_fair(state);
        }
        self.finish(jobs)
    }

    /// How long to sleep when there is nothing to do.
    fn patience(&self) -> Duration {
        let now = self.clock.now();
        let upkeep = UPKEEP.saturating_sub(now.since(self.upkept_at));
        // The log thread rings when it has nothing to do.
        if self.builder.is_empty() || !self.log.idle() {
            return upkeep;
        }
        upkeep.min(self.linger.left(now))
    }

    fn run_job(&mut self, state: &mut MutexGuard<'_, Machine>, queued: Queued) {
        let room = queued.room;
        match queued.job {
            Job::Propose {
                command,
                deadline,
                answer,
            } => {
                if self.clock.now() >= deadline {
                    forget_if_gone(answer.send(Err(too_late())));
                    return;
                }
                if let Some(refusal) = self.log.read_only().refusal() {
                    forget_if_gone(answer.send(Err(refusal)));
                    return;
                }
                self.decide(state, &command, (answer, room));
            }
            Job::Read {
                question,
                deadline,
                answer,
            } => {
                if self.clock.now() >= deadline {
                    forget_if_gone(answer.send(Err(too_late())));
                    return;
                }
                let (value, looked) = state.query(&*question);
                let durable = self.config.ack == Ack::Durable;
                let looked = if durable { looked } else { Seq::ZERO };
                let read_only = self.log.read_only();
                if looked > self.commit.committed()
                    && read_only.full()
                    && let Some(refusal) = read_only.refusal()
                {
                    forget_if_gone(answer.send(Err(refusal)));
                    return;
                }
                self.answer_at(looked, Pending::Read { answer, value }, room);
            }
            Job::AtBatchEnd(act) => {
                self.at_batch_end.push(act);
                self.act_at_batch_end(state);
                self.linger.over();
            }
        }
    }

    /// Sends the answer when `seq` is committed.
    fn answer_at(&mut self, seq: Seq, pending: Pending, room: Option<OwnedSemaphorePermit>) {
        self.linger.want(seq);
        let waiter = Waiter {
            pending,
            _room: room,
        };
        self.commit.answer_at(seq, waiter);
    }

    fn act_at_batch_end(&mut self, state: &mut Machine) {
        if self.builder.is_empty() {
            for act in self.at_batch_end.drain(..) {
                act(state);
            }
        }
    }

    fn upkeep(&mut self, state: &mut MutexGuard<'_, Machine>) {
        if self.clock.now().since(self.upkept_at) >= UPKEEP {
            self.keep_up(state);
        }
    }

    fn keep_up(&mut self, state: &mut MutexGuard<'_, Machine>) {
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

    /// Hands the batch to the log, if there is one that need not wait for company and the log has nothing to do.
    fn seal_if_due(&mut self, state: &mut Machine) {
        if !self.builder.is_empty() && self.linger.left(self.clock.now()).is_zero() {
            self.seal_if_idle(state);
        }
    }

    /// Hands the batch to the log, if there is one and the log has nothing to do.
    fn seal_if_idle(&mut self, state: &mut Machine) {
        if self.builder.is_empty() || !self.log.idle() {
            return;
        }
        let first = self.builder.next_seq();
        let builder = std::mem::replace(&mut self.builder, BatchBuilder::new(first));
        let end = BatchEnd {
            epoch: self.epoch,
            previous: state.position(),
            committed: self.commit.committed(),
            digest: state.newest_digest().filter(|at| at.seq >= self.start),
        };
        let batch = builder.seal(&end).expect("not empty, and cut by bytes");
        state.batch_ends(&batch);
        self.log.append(batch);
        self.act_at_batch_end(state);
    }

    /// Waits until the batch in hand may grow by an entry again: until it was handed to the log, or (`async`)
    /// until less is unflushed. The state is unlocked meanwhile. A store without room is not waited for: there are
    /// reads behind.
    fn wait_for_room(&mut self, state: &mut MutexGuard<'_, Machine>) {
        while !self.stuck() && !self.queue.is_closed() && !self.has_room(state) {
            MutexGuard::unlocked(state, || self.queue.wait_bell(Duration::from_millis(20)));
            self.sweep();
            self.seal_if_idle(state);
        }
    }

    /// Whether waiting for the log leads nowhere.
    fn stuck(&self) -> bool {
        self.log.failed() || self.log.read_only().full()
    }

    fn has_room(&mut self, state: &Machine) -> bool {
        let full = self.builder.len() >= self.config.batch_max_entries
            || self.builder.bytes() >= self.config.batch_max_bytes.as_usize();
        !full && !self.too_much_unflushed(state)
    }

    fn too_much_unflushed(&mut self, state: &Machine) -> bool {
        if self.config.ack != Ack::Async {
            return false;
        }
        let committed = self.commit.committed();
        let (applied, now) = (state.applied(), self.clock.now());
        if self.unflushed.too_old((committed, applied), now) {
            return true;
        }
        // What is decided next is acknowledged at once.
        self.unflushed.mark(applied, now);
        applied.since(committed) >= self.config.max_unflushed
    }

    /// Hands over what was decided, refuses what was not, and tells whether all of it went to the log.
    fn finish(mut self, mut jobs: VecDeque<Queued>) -> bool {
        let machine = Arc::clone(&self.machine);
        let mut state = machine.lock();
        while !self.builder.is_empty() && !self.log.failed() {
            self.seal_if_idle(&mut state);
            if !self.builder.is_empty() {
                MutexGuard::unlocked(&mut state, || {
                    self.queue.wait_bell(Duration::from_millis(20));
                });
            }
        }
        self.queue.close();
        self.queue.take(&mut jobs, Duration::ZERO);
        for queued in jobs {
            refuse(queued.job);
        }
        self.builder.is_empty()
    }
}

fn refuse(job: Job) {
    let not_primary = || Error::new(ErrorKind::NotPrimary { address: None }, "propose");
    match job {
        Job::Propose { answer, .. } => forget_if_gone(answer.send(Err(not_primary()))),
        Job::Read { answer, .. } => forget_if_gone(answer.send(Err(not_primary()))),
        // Its caller sees that the closure was dropped.
        Job::AtBatchEnd(_) => {}
    }
}

fn too_late() -> Error {
    busy("the deadline passed in the queue; not executed".to_owned())
}
