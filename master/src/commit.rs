use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use standfast_core::{BootInstant, Clock, Error, ErrorKind, Outcome, Position, Result, Seq};
use tokio::sync::{mpsc, watch};

use crate::job::{ProposeAnswer, ReadAnswer};

/// Follows the committed watermark.
pub type CommittedWatch = watch::Receiver<Position>;

/// How far a term has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Last entry decided.
    pub applied: Seq,
    /// Last batch end committed.
    pub committed: Position,
}

/// An answer that waits for a Seq to be committed.
pub(crate) enum Waiter {
    Proposed {
        answer: ProposeAnswer,
        outcomes: Vec<Outcome>,
        reveals: bool,
    },
    Read {
        answer: ReadAnswer,
        value: Box<dyn Any + Send>,
    },
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
        if let Err(full) = self.replier.try_send(ready) {
            // The replier is behind or gone: send from here rather than wait.
            for waiter in full.into_inner() {
                self.send(waiter);
            }
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
        match waiter {
            Waiter::Proposed {
                answer,
                outcomes,
                reveals,
            } => {
                let result = if reveals && !self.valid() {
                    Err(unknown())
                } else {
                    Ok(outcomes)
                };
                forget_if_gone(answer.send(result));
            }
            Waiter::Read { answer, value } => {
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
        match waiter {
            Waiter::Proposed { answer, .. } => forget_if_gone(answer.send(Err(unknown()))),
            Waiter::Read { answer, .. } => forget_if_gone(answer.send(Err(unknown()))),
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
/// thousand.
pub(crate) async fn reply(
    commit: Arc<Commit>,
    mut batches: mpsc::Receiver<Vec<Waiter>>,
) -> Result<()> {
    while let Some(ready) = batches.recv().await {
        for waiter in ready {
            commit.send(waiter);
        }
    }
    Ok(())
}
