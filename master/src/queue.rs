use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use standfast_core::{BootInstant, Clock, Error, ErrorKind, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::job::Job;

/// The bounded queue in front of the sequencer, and the bell that wakes its thread.
///
/// Async callers wait for room. Its bound counts items, so a command of a thousand items weighs a thousand, and it
/// counts them until they are answered: what waits for a slow log takes room too.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    bell: Condvar,
    room: Arc<Semaphore>,
    capacity: u32,
    clock: Clock,
}

/// A job and the room that it takes until it is answered.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) job: Job,
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Queued>,
    rung: bool,
    /// While held, only so many more jobs are let through.
    held: Option<usize>,
    closed: bool,
}

impl State {
    fn let_through(&self) -> usize {
        match self.held {
            Some(left) if !self.closed => left.min(self.jobs.len()),
            _ => self.jobs.len(),
        }
    }
}

impl Queue {
    pub(crate) fn new(capacity: usize, clock: Clock) -> Self {
        let capacity = u32::try_from(capacity).unwrap_or(u32::MAX);
        Self {
            state: Mutex::default(),
            bell: Condvar::new(),
            room: Arc::new(Semaphore::new(capacity as usize)),
            capacity,
            clock,
        }
    }

    /// Puts a job into the queue, waiting for room until `deadline`. The sequencer's thread is not woken.
    ///
    /// Cancel safe: a job whose caller went away while waiting was not queued.
    pub(crate) async fn push(&self, job: Job, deadline: BootInstant) -> Result<()> {
        let room = Some(self.admit(job.weight(), deadline).await?);
        let mut state = self.state.lock();
        if state.closed {
            return Err(closed());
        }
        state.jobs.push_back(Queued { job, room });
        Ok(())
    }

    /// Waits for room.
    async fn admit(&self, weight: u32, deadline: BootInstant) -> Result<OwnedSemaphorePermit> {
        let left = deadline.since(self.clock.now());
        if left.is_zero() {
            return Err(busy("the deadline passed before it was queued".to_owned()));
        }
        let weight = weight.min(self.capacity);
        if let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(weight) {
            return Ok(room);
        }
        let room = Arc::clone(&self.room).acquire_many_owned(weight);
        match tokio::time::timeout(left, room).await {
            Ok(Ok(room)) => Ok(room),
            Ok(Err(_closed)) => Err(closed()),
            Err(_elapsed) => Err(busy(format!(
                "the queue of {} items stayed full until the deadline",
                self.capacity
            ))),
        }
    }

    /// The next job, if one is let through.
    pub(crate) fn next(&self) -> Option<Queued> {
        let mut state = self.state.lock();
        if state.let_through() == 0 {
            return None;
        }
        if let Some(left) = &mut state.held {
            *left = left.saturating_sub(1);
        }
        state.jobs.pop_front()
    }

    /// Puts back what [`Self::next`] gave: it is the next one again.
    pub(crate) fn put_back(&self, queued: Queued) {
        let mut state = self.state.lock();
        if let Some(left) = &mut state.held {
            *left += 1;
        }
        state.jobs.push_front(queued);
    }

    /// Whether a job is let through.
    pub(crate) fn has_next(&self) -> bool {
        self.state.lock().let_through() > 0
    }

    /// Waits up to `patience` for a job or the bell, and tells whether either came.
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        let mut state = self.state.lock();
        let mut came = true;
        if state.let_through() == 0 && !state.rung && !state.closed {
            came = !self.bell.wait_for(&mut state, patience).timed_out();
        }
        state.rung = false;
        came
    }

    /// Waits for the bell alone, up to `patience`.
    pub(crate) fn wait_bell(&self, patience: Duration) {
        let mut state = self.state.lock();
        if !state.rung {
            self.bell.wait_for(&mut state, patience);
        }
        state.rung = false;
    }

    /// Wakes the sequencer's thread.
    pub(crate) fn ring(&self) {
        self.state.lock().rung = true;
        self.bell.notify_one();
    }

    /// Lets what is in the queue and then `last` through, and keeps everything behind it waiting (a
    /// switchover under way). `last` takes no room.
    ///
    /// Refuses when the queue is closed, since nobody would take `last` any more, and when it is held already: whoever lets
    /// go first would open it for both.
    pub(crate) fn hold_behind(&self, last: Job) -> Result<()> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(closed());
        }
        if state.held.is_some() {
            return Err(busy("intake is closed already, by another".to_owned()));
        }
        state.jobs.push_back(Queued {
            job: last,
            room: None,
        });
        state.held = Some(state.jobs.len());
        drop(state);
        self.bell.notify_one();
        Ok(())
    }

    /// Whether it is kept waiting.
    pub(crate) fn is_held(&self) -> bool {
        self.state.lock().held.is_some()
    }

    /// Lets everything through again.
    pub(crate) fn release(&self) {
        self.state.lock().held = None;
        self.bell.notify_one();
    }

    /// Refuses everything from now on; what waits is taken out by the sequencer's thread once more.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.room.close();
        self.bell.notify_one();
    }

    /// Drops what a sequencer that is gone left waiting: its callers are told that the term ended.
    pub(crate) fn drop_all(&self) {
        let left = std::mem::take(&mut self.state.lock().jobs);
        drop(left);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }
}

/// The deadline passed, and nothing was executed.
pub(crate) fn busy(why: String) -> Error {
    metrics::counter!("standfast_requests_busy_total").increment(1);
    Error::new(ErrorKind::Busy, "propose").context(why)
}

fn closed() -> Error {
    Error::new(ErrorKind::NotPrimary { address: None }, "propose")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        Job::AtBatchEnd(Box::new(|_| {}))
    }

    fn soon(clock: &Clock) -> BootInstant {
        clock.now().plus(Duration::from_millis(5))
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_is_busy_at_the_deadline_and_takes_again_when_there_is_room() {
        let clock = Clock::manual();
        let queue = Arc::new(Queue::new(1, clock.clone()));
        let soon = soon(&clock);
        queue.push(job(), soon).await.unwrap();
        let error = queue.push(job(), soon).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Busy);
        let taken = queue.next().unwrap();
        let error = queue.push(job(), soon).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Busy, "taken, but not answered");
        drop(taken);
        queue.push(job(), soon).await.unwrap();
    }

    #[tokio::test]
    async fn a_held_queue_keeps_what_comes_later_and_a_closed_one_refuses() {
        let clock = Clock::manual();
        let queue = Queue::new(4, clock.clone());
        queue.push(job(), soon(&clock)).await.unwrap();
        queue.hold_behind(job()).unwrap();
        let error = queue.hold_behind(job()).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Busy, "one at a time");
        queue.push(job(), soon(&clock)).await.unwrap();
        let before = queue.next().unwrap();
        queue.put_back(before);
        assert!(queue.next().is_some(), "what was there before");
        assert!(queue.next().is_some(), "the last one");
        assert!(queue.next().is_none() && !queue.has_next());
        queue.release();
        assert!(queue.next().is_some());
        queue.close();
        let error = queue.push(job(), soon(&clock)).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::NotPrimary { address: None });
    }
}
