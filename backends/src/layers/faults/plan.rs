use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeBounds;
use std::sync::Arc;

use parking_lot::Mutex;
use standfast_core::{ErrorKind, OpLogTail, OpLogWriter, Result};

use super::Fault;
use super::rule::{Counted, Rule, When, dice};
use super::stall::{Stalls, Standing};
use super::tail::FaultyTail;
use super::writer::FaultyWriter;
use crate::layers::answer::flip_bit;
use crate::layers::layer::{Call, Layer};
use crate::layers::operation::Operation;

/// What goes wrong, and when: one plan for all stores that it is put around, and for all clones of it.
///
/// ```
/// use standfast_backends::layers::{Fault, Faults, Operation};
/// use standfast_core::ErrorKind;
///
/// let faults = Faults::seeded(7);
/// // The third append is made, and its writer never learns.
/// faults.script(Operation::Append, 3..=3, Fault::LoseAnswer);
/// // One read in a hundred fails, by the seed.
/// faults.rate(Operation::Read, 10, Fault::Fail(ErrorKind::Unavailable));
/// // No call is answered from the fiftieth on, whatever it is: the process is cut off.
/// faults.script(None, 50.., Fault::Fail(ErrorKind::Unavailable));
/// ```
///
/// Of several rules that name a call, the oldest counts. What the seed picks depends on the operation and on how often it
/// was called, not on what else happens meanwhile; the seed is in `Debug`.
#[derive(Clone)]
pub struct Faults(Arc<Plan>);

struct Plan {
    seed: u64,
    state: Mutex<State>,
    stalls: Arc<Stalls>,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    calls: BTreeMap<Operation, u64>,
    hits: BTreeMap<(Operation, &'static str), u64>,
}

/// A fault that strikes.
pub(super) struct Struck {
    pub(super) fault: Fault,
    dice: u64,
    /// Where it is a stall.
    standing: Option<Standing>,
}

impl Faults {
    /// No faults, but what [`Self::script`] and [`Self::rate`] add; rates go by `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Plan {
            seed,
            state: Mutex::default(),
            stalls: Arc::default(),
        }))
    }

    /// `fault` happens to these calls of an operation, or of all that it fits. Calls are counted from 1, and from now on.
    pub fn script(
        &self,
        operation: impl Into<Option<Operation>>,
        calls: impl RangeBounds<u64>,
        fault: Fault,
    ) {
        let operation = operation.into();
        let after = self.calls(operation);
        let calls = (calls.start_bound().cloned(), calls.end_bound().cloned());
        self.0.state.lock().rules.push(Rule {
            operation,
            when: When::Calls { after, calls },
            fault,
        });
    }

    /// `fault` happens to so many of a thousand calls of an operation, or of all that it fits.
    pub fn rate(&self, operation: impl Into<Option<Operation>>, per_mille: u32, fault: Fault) {
        let mut state = self.0.state.lock();
        let salt = state.rules.len() as u64 + 1;
        state.rules.push(Rule {
            operation: operation.into(),
            when: When::PerMille { per_mille, salt },
            fault,
        });
    }

    /// From now on nothing goes wrong; calls that stand still go on.
    pub fn heal(&self) {
        let mut state = self.0.state.lock();
        state.rules.clear();
        // Under the lock: whoever was struck by then stands.
        self.0.stalls.let_go(usize::MAX);
    }

    /// Waits until a call stands still; each is told once.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn stalled(&self) {
        self.0.stalls.stopped().await;
    }

    /// Lets one call go on that stands still, if there is one.
    pub fn release(&self) {
        self.0.stalls.let_go(1);
    }

    /// How often an operation was called, or all together.
    pub fn calls(&self, operation: impl Into<Option<Operation>>) -> u64 {
        let state = self.0.state.lock();
        match operation.into() {
            Some(operation) => state.calls.get(&operation).copied().unwrap_or(0),
            None => state.calls.values().sum(),
        }
    }

    /// How often each fault, by its name, has happened to each operation.
    pub fn hits(&self) -> BTreeMap<(Operation, &'static str), u64> {
        self.0.state.lock().hits.clone()
    }

    /// Counts a call, and says what happens to it.
    pub(super) fn strike(&self, operation: Operation) -> Option<Struck> {
        let mut state = self.0.state.lock();
        let of_operation = state.calls.entry(operation).or_default();
        *of_operation += 1;
        let call = Counted {
            operation,
            of_operation: *of_operation,
            of_all: state.calls.values().sum(),
        };
        let seed = self.0.seed;
        let rule = state.rules.iter().find(|rule| rule.strikes(seed, call))?;
        let fault = rule.fault.clone();
        Some(Struck {
            standing: (fault == Fault::Stall).then(|| Standing::begin(&self.0.stalls)),
            dice: dice(seed, call, 0),
            fault,
        })
    }

    pub(super) fn count(&self, operation: Operation, fault: &Fault) {
        let mut state = self.0.state.lock();
        *state.hits.entry((operation, fault.name())).or_default() += 1;
    }

    /// Makes a call to which this happens.
    pub(super) async fn suffer<T: Any + Send>(
        &self,
        operation: Operation,
        struck: Option<Struck>,
        attempt: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let Some(Struck {
            fault,
            dice,
            standing,
        }) = struck
        else {
            return attempt.await;
        };
        if fault != Fault::FlipBit {
            self.count(operation, &fault);
        }
        match &fault {
            Fault::Fail(kind) => Err(told(operation, kind.clone())),
            Fault::Delay(span) => {
                tokio::time::sleep(*span).await;
                attempt.await
            }
            Fault::Stall => {
                if let Some(standing) = standing {
                    standing.until_let_go().await;
                }
                attempt.await
            }
            Fault::LoseAnswer => {
                drop(attempt.await);
                Err(told(operation, operation.effect().lost_answer()))
            }
            Fault::FlipBit => {
                let mut answer = attempt.await?;
                let flipped = flip_bit(&mut answer, dice);
                if !matches!(flipped, Ok(false)) {
                    self.count(operation, &fault);
                }
                flipped.map(|_| answer)
            }
            // They strike where the writer and the tail ask.
            Fault::Tear | Fault::DropEvent | Fault::RepeatEvent | Fault::SwapEvents => {
                attempt.await
            }
        }
    }
}

fn told(operation: Operation, kind: ErrorKind) -> standfast_core::Error {
    operation.error(kind).context("on purpose")
}

impl Layer for Faults {
    async fn run<T: Any + Send>(
        &self,
        call: Call,
        attempt: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let struck = self.strike(call.operation);
        self.suffer(call.operation, struck, attempt).await
    }

    fn writer(&self, inner: Box<dyn OpLogWriter>) -> Box<dyn OpLogWriter> {
        Box::new(FaultyWriter::new(self.clone(), inner))
    }

    fn tail(&self, inner: Box<dyn OpLogTail>) -> Box<dyn OpLogTail> {
        Box::new(FaultyTail::new(self.clone(), inner))
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("seed", &self.0.seed)
            .field("hits", &self.hits())
            .finish_non_exhaustive()
    }
}
