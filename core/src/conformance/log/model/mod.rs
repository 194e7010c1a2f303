//! A log against a model of it: random steps, and after each the log must be what the model is.

mod step;
mod world;

use async_trait::async_trait;
use proptest::collection::vec;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use self::step::{Step, step};
use self::world::World;
use super::Log;
use super::trial::LogTrial;
use super::twist::LogTwist;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Failure, Outcome};
use crate::error::Result;
use crate::oplog::{Bounds, OpLogStore};

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![case!(
        a_log_is_what_its_model_says_after_any_steps,
        ["OL-1", "OL-2", "OL-3", "OL-4", "OL-5", "OL-6", "OL-7", "OL-8", "OL-11", "OW-1"],
        needs [],
        twin TellsTheFloorOneTooHigh
    )]
}

/// How many sequences of steps are tried with one seed.
const SEQUENCES: u32 = 12;
/// How long the longest of them is.
const STEPS: usize = 40;

/// Tells that one entry less is there, once something was trimmed.
struct TellsTheFloorOneTooHigh;

#[async_trait]
impl LogTwist for TellsTheFloorOneTooHigh {
    async fn bounds(&self, store: &dyn OpLogStore) -> Result<Bounds> {
        let mut bounds = store.bounds().await?;
        if bounds.floor.0 > 1 {
            bounds.floor = bounds.floor.next();
        }
        Ok(bounds)
    }
}

async fn a_log_is_what_its_model_says_after_any_steps(trial: &LogTrial) -> Outcome {
    // The runner calls back without waiting: it has a thread, and each sequence a runtime.
    std::thread::scope(|scope| {
        scope
            .spawn(|| try_sequences(trial))
            .join()
            .unwrap_or_else(|_| Err(Failure::new("the model panicked")))
    })
}

fn try_sequences(trial: &LogTrial) -> Outcome {
    let mut seed = [0; 32];
    for (to, from) in seed.iter_mut().zip(trial.seed().to_le_bytes()) {
        *to = from;
    }
    let config = Config {
        cases: SEQUENCES,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let tried = runner.run(&vec(step(), 1..STEPS), |steps| {
        walk(trial, &steps).map_err(|failure| TestCaseError::fail(failure.to_string()))
    });
    match tried {
        Ok(()) => Ok(()),
        Err(TestError::Fail(reason, steps)) => Err(Failure::new(format!(
            "{reason}, after these steps: {steps:?}"
        ))),
        Err(TestError::Abort(reason)) => Err(Failure::new(reason.to_string())),
    }
}

/// Takes the steps on a fresh log.
fn walk(trial: &LogTrial, steps: &[Step]) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start a runtime: {error}")))?;
    runtime.block_on(async {
        let mut world = World::new(trial).await?;
        for step in steps {
            world.take(step).await?;
            world.compare().await?;
        }
        Ok(())
    })
}
