mod decide;
mod linger;
mod own_thread;
mod shared;

use std::sync::Arc;

use standfast_core::{
    BatchBuilder, BatchEnd, BootInstant, Clock, Epoch, Error, Machine, Seq, SharedMachine,
};
use tokio::sync::OwnedSemaphorePermit;

use self::linger::Linger;
pub(crate) use self::own_thread::start;
pub(crate) use self::shared::SharedSequencer;
use crate::commit::{Commit, Pending, Waiter, forget_if_gone};
use crate::config::{Ack, MasterConfig};
use crate::job::Job;
use crate::log::LogHandle;
use crate::queue::{Queue, Queued, busy};
use crate::unflushed::Unflushed;

/// Decides and applies, one job after the other. The state runs ahead of the log; answers do not.
pub(crate) struct Sequencer {
    machine: SharedMachine,
    queue: Arc<Queue>,
    commit: Arc<Commit>,
    log: LogHandle,
    config: MasterConfig,
    clock: Clock,
    epoch: Epoch,
    start: Seq,
    builder: BatchBuilder,
    linger: Linger,
    unflushed: Unflushed,
    at_batch_end: Vec<AtBatchEnd>,
    upkept_at: BootInstant,
    /// What was committed at the last look for answers that nobody waits for any more, and when that was.
    swept: (Seq, BootInstant),
    /// Whether upkeep comes before the first job: after the loss of a suffix.
    upkeep_first: bool,
    /// Whether the next job waits for room: nobody but its own thread goes on.
    full: bool,
    /// Whether its own thread knows of the batch in hand, and hands it over in time.
    timed: bool,
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
    /// At the beginning of a term.
    pub(crate) fn new(parts: Parts) -> Self {
        let start = parts.machine.lock().position().seq;
        let now = parts.clock.now();
        Self {
            machine: parts.machine,
            queue: parts.queue,
            commit: parts.commit,
            log: parts.log,
            linger: Linger::new(now, parts.config.ack),
            unflushed: Unflushed::new(parts.config.max_unflushed_age.0),
            config: parts.config,
            upkept_at: now,
            swept: (start, now),
            clock: parts.clock,
            epoch: parts.epoch,
            start,
            builder: BatchBuilder::new(start.next()),
            at_batch_end: Vec::new(),
            upkeep_first: parts.after_loss,
            full: false,
            timed: false,
        }
    }

    /// Runs up to `most` jobs, and hands to the log what is due. Is `full` when the next job, which is in the queue again,
    /// must wait for room.
    fn turn(&mut self, state: &mut Machine, most: usize) {
        self.full = false;
        for _ in 0..most {
            let Some(queued) = self.queue.next() else {
                break;
            };
            if let Some(queued) = self.run_job(state, queued) {
                self.queue.put_back(queued);
                self.linger.over();
                self.seal_if_due(state);
                self.full = !self.has_room(state);
                if self.full {
                    return;
                }
            }
            self.seal_if_due(state);
        }
        self.seal_if_due(state);
    }

    /// Runs a job, or gives it back when it must wait for room.
    fn run_job(&mut self, state: &mut Machine, queued: Queued) -> Option<Queued> {
        let room = queued.room;
        match queued.job {
            Job::Propose(proposal) => return self.decide(state, proposal, room),
            Job::Read {
                question,
                deadline,
                answer,
            } => {
                if self.clock.now() >= deadline {
                    forget_if_gone(answer.send(Err(too_late())));
                    return None;
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
                    return None;
                }
                self.answer_at(looked, Pending::Read { answer, value }, room);
            }
            Job::AtBatchEnd(act) => {
                self.at_batch_end.push(act);
                self.act_at_batch_end(state);
                self.linger.over();
            }
        }
        None
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
        self.timed = false;
        self.log.append(batch);
        self.act_at_batch_end(state);
    }

    /// Whether no job is run any more.
    fn is_over(&self) -> bool {
        self.log.failed() || self.queue.is_closed()
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
}

fn too_late() -> Error {
    busy("the deadline passed in the queue; not executed".to_owned())
}
