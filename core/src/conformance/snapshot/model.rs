use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use super::Snapshots;
use super::parts::{TakesAnyEntry, ensure_whole, is_there, list, proposal, retire, try_win, win};
use super::trial::{Place, SnapshotTrial};
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Failure, Outcome, ensure, ensure_eq};
use crate::conformance::parts::ensure_refused;
use crate::error::ErrorKind;
use crate::snapshot::{CatalogEntry, Manifest, SnapshotId, SnapshotStore};

/// How many lives of a catalog are tried with one seed.
const LIVES: u32 = 8;
/// How many steps a life has at most.
const STEPS: usize = 24;

pub(super) fn cases() -> Vec<Case<Snapshots>> {
    vec![case!(
        the_catalog_is_what_its_model_is,
        ["SS-2", "SS-3", "SS-4", "SS-5", "h02", "h11", "h24"],
        needs [],
        twin TakesAnyEntry
    )]
}

/// One thing that happens. A number picks one of what is there.
#[derive(Clone, Copy, Debug)]
enum Step {
    Publish,
    List(usize),
    Retire(usize),
    Revoke,
    Pin(usize),
    Unpin,
    Collect,
    NewTerm,
    Zombie,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Publish),
        4 => any::<usize>().prop_map(Step::List),
        2 => any::<usize>().prop_map(Step::Retire),
        1 => Just(Step::Revoke),
        2 => any::<usize>().prop_map(Step::Pin),
        1 => Just(Step::Unpin),
        2 => Just(Step::Collect),
        1 => Just(Step::NewTerm),
        1 => Just(Step::Zombie),
    ]
}

/// What the catalog must be.
#[derive(Debug, Default)]
struct Model {
    epoch: u64,
    number: u64,
    oldest_upload: u64,
    /// Highest Seq of a snapshot.
    seq: u64,
    proposed: Vec<Manifest>,
    listed: Vec<Manifest>,
    retired: Vec<Manifest>,
    pinned: BTreeSet<SnapshotId>,
}

/// Lets every upload begin again.
fn revoke(entry: &mut CatalogEntry) {
    entry.oldest_upload = entry.number;
}

fn pick(from: &[Manifest], n: usize) -> Option<usize> {
    (!from.is_empty()).then(|| n % from.len())
}

impl Model {
    fn is_revoked(&self, manifest: &Manifest) -> bool {
        let mut began = manifest.parts.iter().map(|part| part.upload.began_on);
        began.any(|began| began < self.oldest_upload)
    }

    async fn take(&mut self, store: &dyn SnapshotStore, step: Step) -> Outcome {
        match step {
            Step::Publish => {
                self.seq += 1;
                self.proposed.push(proposal(store, self.seq).await?);
                Ok(())
            }
            Step::List(n) => self.list(store, n).await,
            Step::Retire(n) => self.retire(store, n).await,
            Step::Revoke => {
                win(store, self.epoch, revoke).await?;
                self.number += 1;
                self.oldest_upload = self.number;
                Ok(())
            }
            Step::Pin(n) => self.pin(store, n).await,
            Step::Unpin => {
                if let Some(id) = self.pinned.pop_first() {
                    store.unpin(&id, "reader").await?;
                }
                Ok(())
            }
            Step::Collect => self.collect(store).await,
            Step::NewTerm => {
                self.epoch += 1;
                win(store, self.epoch, |_| {}).await?;
                self.number += 1;
                Ok(())
            }
            Step::Zombie => {
                let late = try_win(store, self.epoch - 1, |_| {}).await;
                ensure_refused(late, &ErrorKind::Fenced, "an entry of the term before")
            }
        }
    }

    async fn list(&mut self, store: &dyn SnapshotStore, n: usize) -> Outcome {
        let Some(n) = pick(&self.proposed, n) else {
            return Ok(());
        };
        let manifest = self.proposed.swap_remove(n);
        if self.is_revoked(&manifest) {
            let listed = try_win(store, self.epoch, |entry| list(entry, &manifest)).await;
            ensure_refused(listed, &ErrorKind::Invalid, "listing what was revoked")?;
            self.retired.push(manifest);
            return Ok(());
        }
        win(store, self.epoch, |entry| list(entry, &manifest)).await?;
        self.number += 1;
        self.listed.push(manifest);
        self.listed.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(())
    }

    async fn retire(&mut self, store: &dyn SnapshotStore, n: usize) -> Outcome {
        let Some(n) = pick(&self.listed, n) else {
            return Ok(());
        };
        let manifest = self.listed.remove(n);
        let entry = win(store, self.epoch, |entry| retire(entry, &manifest)).await?;
        self.number += 1;
        self.oldest_upload = entry.oldest_upload;
        self.retired.push(manifest);
        Ok(())
    }

    async fn pin(&mut self, store: &dyn SnapshotStore, n: usize) -> Outcome {
        if let Some(manifest) = pick(&self.listed, n).and_then(|n| self.listed.get(n)) {
            let seq = manifest.position.seq;
            store.pin(&manifest.id, seq, "reader").await?;
            self.pinned.insert(manifest.id.clone());
        }
        Ok(())
    }

    async fn collect(&mut self, store: &dyn SnapshotStore) -> Outcome {
        let newest = store.newest().await?;
        let newest = newest.ok_or_else(|| Failure::new("the catalog is empty"))?;
        store.collect(&newest).await?;
        let retired = std::mem::take(&mut self.retired).into_iter();
        let (kept, gone): (Vec<_>, Vec<_>) =
            retired.partition(|manifest| self.pinned.contains(&manifest.id));
        self.retired = kept;
        for manifest in &gone {
            let left = is_there(store, manifest).await?;
            ensure!(!left, "{} was retired, and is left", manifest.id);
        }
        for manifest in self.listed.iter().chain(&self.retired) {
            ensure_whole(store, manifest, "after a collection").await?;
        }
        let young: Vec<_> = self
            .proposed
            .iter()
            .filter(|m| !self.is_revoked(m))
            .collect();
        for manifest in young {
            ensure_whole(store, manifest, "young, after a collection").await?;
        }
        Ok(())
    }

    async fn ensure_like(&self, store: &dyn SnapshotStore) -> Outcome {
        let newest = store.newest().await?;
        let newest = newest.ok_or_else(|| Failure::new("the catalog is empty"))?;
        ensure_eq!(
            (newest.number, newest.epoch.0, newest.oldest_upload),
            (self.number, self.epoch, self.oldest_upload),
            "number, epoch and oldest upload"
        );
        let found: Vec<_> = newest.snapshots.iter().map(|listed| &listed.id).collect();
        let wanted: Vec<_> = self.listed.iter().map(|manifest| &manifest.id).collect();
        ensure_eq!(found, wanted, "what is listed");
        Ok(())
    }
}

/// Lives through `steps`, each on another of two handles.
async fn live(place: Place, steps: &[Step]) -> Outcome {
    let stores: [Arc<dyn SnapshotStore>; 2] = [place.open().await?, place.open().await?];
    let [first, second] = &stores;
    let mut model = Model::default();
    model.take(&**first, Step::NewTerm).await?;
    for (n, step) in steps.iter().enumerate() {
        let (acts, looks) = if n % 2 == 0 {
            (first, second)
        } else {
            (second, first)
        };
        let told = |failure| Failure::new(format!("step {n}, {step:?}: {failure}"));
        model.take(&**acts, *step).await.map_err(told)?;
        model.ensure_like(&**looks).await.map_err(told)?;
    }
    Ok(())
}

async fn the_catalog_is_what_its_model_is(trial: &SnapshotTrial) -> Outcome {
    // On a thread of its own: the runner of the property calls the runtime, and not the other way round.
    std::thread::scope(|scope| scope.spawn(|| explore(trial)).join())
        .unwrap_or_else(|_| Err(Failure::new("the model panicked")))
}

fn explore(trial: &SnapshotTrial) -> Outcome {
    let mut seed = [0; 32];
    let (number, _) = seed.split_at_mut(8);
    number.copy_from_slice(&trial.seed().to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let config = Config {
        failure_persistence: None,
        max_shrink_iters: 64,
        ..Config::with_cases(LIVES)
    };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start a runtime: {error}")))?;
    let lives = proptest::collection::vec(step(), 1..STEPS);
    let explored = runner.run(&lives, |steps| {
        let life = async { live(trial.fresh().await?, &steps).await };
        let lived = runtime.block_on(life);
        lived.map_err(|failure| TestCaseError::fail(failure.to_string()))
    });
    explored.map_err(|failure| Failure::new(failure.to_string()))
}
