use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use standfast_core::{BootInstant, Clock, Error, ErrorKind, Outcome, Position, Result, Seq};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use crate::job::{ProposeAnswer, ReadAnswer};

/// Follows the committed watermark.
pub type CommittedWatch = watch::Receiver<Position>;

/// So few answers are sent by the log thread itself: waking the replier costs as much, and they would wait for it.
const FEW: usize = 2;

/// How far a term has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Last entry decided.
    pub applied: Seq,
    /// Last batch end committed.
    pub committed: Position,
}

/// An answer that waits for a Seq to be committed, and the room in the queue that it takes until then.
pub(crate) struct Waiter {
    pub(crate) pending: Pending,
    pub(crate) _room: Option<OwnedSemaphorePermit>,
}

/// An answer that is made and not sent.
pub(crate) enum Pending {
    Proposed {
        answer: ProposeAnswer,
        result: Result<Vec<Outcome>>,
        reveals: bool,
    },
    Read {
        answer: ReadAnswer,
        value: Box<dyn Any + Send>,
    },
}

impl Waiter {
    /// Whether nobody waits for the answer any more.
    fn is_gone(&self) -> bool {
        match &self.pending {
            Pending::Proposed { answer, .. } => answer.is_closed(),
            Pending::Read { answer, .. } => answer.is_closed(),
        }
    }
}

/// The committed watermark, and the answers that wait for it.
///
/// A read and a refusal reveal state without a write of their own: before they are sent, the term's validity is
/// looked at once more.
pub(crate) struct Commit {
    committed: AtomicU64,
    watch: watch::Sender<Position>,
    waiting: Mutex<Option<BTreeMap<Seq, Vec<Waiter>>>>,
    replier: mpsc::Sender<Vec<Waiter>>,
    clock: Clock,
    validity: watch::Receiver<BootInstant>,
    over: OnceLock<()>,
}

impl Commit {
    pub(crate) fn new(
        start: Position,
        clock: Clock,
        validity: watch::Receiver<BootInstant>,
        replier: mpsc::Sender<Vec<Waiter>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            committed: AtomicU64::new(start.seq.0),
            watch: watch::Sender::new(start),
            waiting: Mutex::new(Some(BTreeMap::new())),
            replier,
            clock,
            validity,
            over: OnceLock::new(),
        })
    }

    pub(crate) fn validity(&self) -> watch::Receiver<BootInstant> {
        self.validity.clone()
    }

    pub(crate) fn committed(&self) -> Seq {
        Seq(self.committed.load(Ordering::Acquire))
    }

    pub(crate) fn position(&self) -> Position {
        *self.watch.borrow()
    }

    pub(crate) fn subscribe(&self) -> CommittedWatch {
        self.watch.subscribe()
    }

    /// Sends the answer when `seq` is committed: at once if it is, else later.
    pub(crate) fn answer_at(&self, seq: Seq, waiter: Waiter) {
        if seq > self.committed() {
            let mut waiting = self.waiting.lock();
            // Looked at again under the lock: `advance` takes it after moving the watermark.
            if seq > self.committed() {
                match &mut *waiting {
                    Some(waiting) => waiting.entry(seq).or_default().push(waiter),
                    None => Self::in_doubt(waiter),
                }
                return;
            }
        }
        self.send(waiter);
    }

    /// Everything up to `position` is committed.
    pub(crate) fn advance(&self, position: Position) {
        self.committed.store(position.seq.0, Ordering::Release);
        self.watch.send_replace(position);
        let ready = {
            let mut waiting = self.waiting.lock();
            let Some(waiting) = &mut *waiting else { return };
            let later = waiting.split_off(&position.seq.next());
            std::mem::replace(waiting, later)
        };
        if ready.is_empty() {
            return;
        }
        let ready: Vec<_> = ready.into_values().flatten().collect();
        let here = if ready.len() <= FEW {
            ready
        } else {
            // The replier may be behind or gone: what it does not take is sent from here rather than awaited.
            let handed = self.replier.try_send(ready);
            handed.map_or_else(TrySendError::into_inner, |()| Vec::new())
        };
        for waiter in here {
            self.send(waiter);
        }
    }

    /// Drops the answers that nobody waits for any more: what they took is free while the log stalls.
    pub(crate) fn forget_gone(&self) {
        if let Some(waiting) = &mut *self.waiting.lock() {
            waiting.retain(|_, waiters| {
                waiters.retain(|waiter| !waiter.is_gone());
                !waiters.is_empty()
            });
        }
    }

    /// The term is over: what still waits is in doubt.
    pub(crate) fn end(&self) {
        self.over.get_or_init(|| ());
        let left = self.waiting.lock().take().unwrap_or_default();
        for waiter in left.into_values().flatten() {
            Self::in_doubt(waiter);
        }
    }

    /// Whether this node may still believe that it leads.
    pub(crate) fn valid(&self) -> bool {
        self.over.get().is_none() && self.clock.now() < *self.validity.borrow()
    }

    pub(crate) fn send(&self, waiter: Waiter) {
        match waiter.pending {
            Pending::Proposed {
                answer,
                result,
                reveals,
            } => {
                let result = if reveals && !self.valid() {
                    Err(unknown())
                } else {
                    result
                };
                forget_if_gone(answer.send(result));
            }
            Pending::Read { answer, value } => {
                let result = if self.valid() {
                    Ok(value)
                } else {
                    Err(not_primary())
                };
                forget_if_gone(answer.send(result));
            }
        }
    }

    fn in_doubt(waiter: Waiter) {
        metrics::counter!("standfast_requests_in_doubt_total").increment(1);
        match waiter.pending {
            Pending::Proposed { answer, .. } => forget_if_gone(answer.send(Err(unknown()))),
            Pending::Read { answer, .. } => forget_if_gone(answer.send(Err(unknown()))),
        }
    }
}

/// A caller that went away needs no answer; it asks again with the same request id.
pub(crate) fn forget_if_gone<T>(sent: std::result::Result<(), T>) {
    drop(sent);
}

fn unknown() -> Error {
    Error::new(ErrorKind::Unknown, "propose").context("the term ended before the log answered")
}

fn not_primary() -> Error {
    Error::new(ErrorKind::NotPrimary { address: None }, "read")
        .context("the lease ran out while the answer was made")
}

/// Sends answers from inside the runtime, a batch's at a time, so that the log thread wakes one task and not a
/// thousand. Ends with the term, when what was committed in it is answered.
pub(crate) async fn reply(
    commit: Arc<Commit>,
    mut batches: mpsc::Receiver<Vec<Waiter>>,
    mut over: watch::Receiver<bool>,
) {
    loop {
        // Both arms are cancel safe; a channel that was closed gives what is in it, and then ends.
        let ready = tokio::select! {
            ready = batches.recv() => ready,
            _ = over.wait_for(|over| *over), if !batches.is_closed() => {
                batches.close();
                continue;
            }
        };
        let Some(ready) = ready else { return };
        for waiter in ready {
            commit.send(waiter);
        }
    }
}

#[cfg(test)]
mod tests {
    use standfast_core::{Clock, Position};
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_was_committed_is_answered_though_the_term_is_over() {
        let clock = Clock::manual();
        let (_renewal, validity) = watch::channel(clock.now().plus(std::time::Duration::MAX));
        let (to_replier, batches) = mpsc::channel(1);
        let commit = Commit::new(Position::default(), clock, validity, to_replier);
        let (answer, mut answered) = oneshot::channel();
        let pending = Pending::Proposed {
            answer,
            result: Ok(Vec::new()),
            reveals: false,
        };
        let waiter = Waiter {
            pending,
            _room: None,
        };
        commit.answer_at(Seq(1), waiter);
        commit.advance(Position {
            seq: Seq(1),
            ..Position::default()
        });
        commit.end();
        let (_answered, over) = watch::channel(true);
        reply(commit, batches, over).await;
        assert!(answered.try_recv().unwrap().is_ok());
    }
}
