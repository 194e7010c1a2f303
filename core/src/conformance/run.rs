use std::any::Any;
use std::cell::OnceCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::case::{Case, Kind};
use super::failure::{Failure, Outcome};
use super::report::{Row, Verdict};
use crate::units::Span;

/// How the suite is run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The first seed; the ones after it count up.
    pub seed: u64,
    /// How many seeds each case is run with; one at least.
    pub seeds: u64,
    /// A case that takes longer has failed.
    pub patience: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 1,
            seeds: 1,
            patience: Duration::from_mins(2),
        }
    }
}

/// Runs every case of `K` whose name contains `only`, and tells each row as soon as it is known.
///
/// Blocks its thread: call it from one of its own, not from an async worker.
pub fn run<K: Kind>(
    harness: &Arc<K::Harness>,
    plan: &Plan,
    only: &str,
    mut tell: impl FnMut(&Row),
) -> Vec<Row> {
    let facts = Facts::of(harness, plan);
    let mut rows = Vec::new();
    for case in K::cases() {
        if case.name.contains(only) {
            let row = run_under(&facts, &case, None);
            tell(&row);
            rows.push(row);
        }
    }
    rows
}

/// Runs every case of `K` on stores that `twist` breaks, to see which of them find the fault.
///
/// Blocks its thread: call it from one of its own, not from an async worker.
pub fn run_broken<K: Kind>(
    harness: &Arc<K::Harness>,
    twist: &Arc<K::Twist>,
    plan: &Plan,
) -> Vec<Row> {
    let facts = Facts::of(harness, plan);
    let cases = K::cases().into_iter();
    cases
        .map(|case| run_under(&facts, &case, Some(twist)))
        .collect()
}

/// Runs one case with every seed, until one fails.
pub fn run_case<K: Kind>(harness: &Arc<K::Harness>, case: &Case<K>, plan: &Plan) -> Row {
    run_under(&Facts::of(harness, plan), case, None)
}

fn run_under<K: Kind>(facts: &Facts<'_, K>, case: &Case<K>, twist: Option<&Arc<K::Twist>>) -> Row {
    let Facts { harness, plan, .. } = facts;
    let verdict = match facts.exclude(case) {
        Err(failure) => Verdict::failed(plan.seed, &failure),
        Ok(Some(because)) => Verdict::NotApplicable {
            because: because.to_owned(),
        },
        Ok(None) => seeds(plan)
            .find_map(|seed| {
                let twist = twist.cloned();
                let failure = try_once(harness, case, twist, seed, plan.patience).err()?;
                Some(Verdict::failed(seed, &failure))
            })
            .unwrap_or(Verdict::Passed),
    };
    Row::new(K::NAME, case.name, case.rules, verdict)
}

/// Runs a case on a store that breaks the rule. `Err` says that the case did not notice.
///
/// # Errors
/// When the case passes on its twin with each of the seeds, or does not apply.
pub fn run_twin<K: Kind>(
    harness: &Arc<K::Harness>,
    case: &Case<K>,
    plan: &Plan,
) -> Outcome<Failure> {
    if let Some(because) = Facts::of(harness, plan).exclude(case)? {
        return Err(Failure::new(format!("does not apply: {because}")));
    }
    seeds(plan)
        .find_map(|seed| try_once(harness, case, Some((case.twin)()), seed, plan.patience).err())
        .ok_or_else(|| Failure::new(format!("{} passes on a store that breaks it", case.name)))
}

/// The seeds of a plan: at least one, whatever it begins with.
fn seeds(plan: &Plan) -> impl Iterator<Item = u64> + use<> {
    let (first, count) = (plan.seed, plan.seeds.max(1));
    (0..count).map(move |n| first.wrapping_add(n))
}

/// What decides which cases apply: asked for once, when the first case needs it.
struct Facts<'a, K: Kind> {
    harness: &'a Arc<K::Harness>,
    plan: &'a Plan,
    found: OnceCell<Outcome<K::Facts>>,
}

impl<'a, K: Kind> Facts<'a, K> {
    const fn of(harness: &'a Arc<K::Harness>, plan: &'a Plan) -> Self {
        Self {
            harness,
            plan,
            found: OnceCell::new(),
        }
    }

    /// Why the case does not apply, if it does not.
    fn exclude(&self, case: &Case<K>) -> Outcome<Option<&'static str>> {
        if case.needs.is_empty() {
            return Ok(None);
        }
        let facts = self.found.get_or_init(|| {
            let trial = K::trial(self.harness, None, self.plan.seed);
            in_trial::<K, _>(trial, self.plan.patience, |trial| Box::pin(K::facts(trial)))
        });
        let facts = facts.as_ref().map_err(Clone::clone)?;
        Ok(case.needs.iter().find_map(|need| need(facts)))
    }
}

/// One run of one case.
fn try_once<K: Kind>(
    harness: &Arc<K::Harness>,
    case: &Case<K>,
    twist: Option<Arc<K::Twist>>,
    seed: u64,
    patience: Duration,
) -> Outcome {
    in_trial::<K, _>(K::trial(harness, twist, seed), patience, case.run)
}

/// What is under way in a trial.
type InTrial<'a, T> = Pin<Box<dyn Future<Output = Outcome<T>> + Send + 'a>>;

/// Does `work` on storages of its own, which are removed afterwards.
fn in_trial<K: Kind, T: Send + 'static>(
    trial: K::Trial,
    patience: Duration,
    work: impl for<'a> FnOnce(&'a K::Trial) -> InTrial<'a, T> + Send + 'static,
) -> Outcome<T> {
    let trial = Arc::new(trial);
    let under_way = Arc::clone(&trial);
    let outcome = apart(patience, async move { work(&under_way).await });
    // What panics or hangs leaves nothing behind either.
    let cleaned = apart(patience, async move { K::clean(&trial).await });
    let done = outcome?;
    cleaned.map(|()| done)
}

/// Runs `work` on a thread of its own, so that a store that panics or hangs is a failure and nothing more. A thread that
/// hangs is left behind.
fn apart<T: Send + 'static>(
    patience: Duration,
    work: impl Future<Output = Outcome<T>> + Send + 'static,
) -> Outcome<T> {
    let (answer, answered) = mpsc::sync_channel(1);
    let started = std::thread::Builder::new()
        .name("conformance".into())
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Failure::new(format!("cannot start a runtime: {error}")));
            let outcome = runtime.and_then(|runtime| runtime.block_on(work));
            // Nobody listens any more once the patience is over.
            drop(answer.send(outcome));
        });
    let thread =
        started.map_err(|error| Failure::new(format!("cannot start a thread: {error}")))?;
    match answered.recv_timeout(patience) {
        Ok(outcome) => outcome,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(Failure::new(format!(
            "no end after {}: it is stuck, or the store is slower than its patience allows",
            Span(patience)
        ))),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(thread.join().err().map_or_else(
            || Failure::new("ended without an answer"),
            |panic| Failure::new(format!("panicked: {}", words(&*panic))),
        )),
    }
}

fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::super::{Log, LogHarness, LogSpace};
    use super::*;
    use crate::error::{Error, ErrorKind, Result};
    use crate::oplog::OpLogStore;

    #[test]
    fn every_plan_has_a_seed() {
        let plan = |seed, seeds| Plan {
            seed,
            seeds,
            ..Plan::default()
        };
        assert_eq!(seeds(&plan(u64::MAX, 2)).collect::<Vec<_>>(), [u64::MAX, 0]);
        assert_eq!(seeds(&plan(7, 0)).collect::<Vec<_>>(), [7]);
    }

    /// Counts the storages that were made, and those that are there. None can be opened.
    #[derive(Default)]
    struct Shut {
        made: AtomicUsize,
        left: Arc<AtomicUsize>,
    }

    struct ShutSpace(Arc<AtomicUsize>);

    #[async_trait]
    impl LogHarness for Shut {
        async fn space(&self) -> Result<Box<dyn LogSpace>> {
            self.made.fetch_add(1, Ordering::Relaxed);
            self.left.fetch_add(1, Ordering::Relaxed);
            Ok(Box::new(ShutSpace(Arc::clone(&self.left))))
        }
    }

    #[async_trait]
    impl LogSpace for ShutSpace {
        async fn open(&self) -> Result<Arc<dyn OpLogStore>> {
            Err(Error::new(ErrorKind::Unavailable, "open"))
        }

        async fn remove(&self) -> Result<()> {
            self.0.fetch_sub(1, Ordering::Relaxed);
            Ok(())
        }
    }

    #[test]
    fn what_applies_is_asked_once_and_a_store_that_does_not_open_leaves_nothing() {
        let shut = Arc::new(Shut::default());
        let harness: Arc<dyn LogHarness> = Arc::clone(&shut) as _;
        let rows = run::<Log>(&harness, &Plan::default(), "_held_", |_| {});
        assert!(rows.len() > 1 && rows.iter().all(|row| row.verdict.is_failed()));
        assert_eq!(shut.made.load(Ordering::Relaxed), 1);
        assert_eq!(shut.left.load(Ordering::Relaxed), 0);
    }
}
