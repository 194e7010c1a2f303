//! The scratch places of the suite, when something comes in between.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use standfast::conformance::Suite;
use standfast::standfast_core::{
    ByteSize, ClusterId, Factory, Fingerprint, OpLogStore, OpenContext, Registry, Scratch, Store,
};
use standfast::{Config, ErrorKind, Result};
use standfast_backends::layers::{Fault, Faults, Layer, Operation};
use standfast_backends::{FileOpLog, MemoryLogSpace, MemoryOpLog, builtin};
use tempfile::TempDir;

/// Logs as another factory opens them, under faults. A probe of `before` comes before each opening.
struct Faulty {
    inner: Arc<dyn Factory<dyn OpLogStore>>,
    faults: Faults,
    before: Arc<dyn OpLogStore>,
}

#[async_trait]
impl Factory<dyn OpLogStore> for Faulty {
    fn keys(&self) -> &'static [&'static str] {
        self.inner.keys()
    }

    fn check(&self, table: &toml::Table) -> Vec<String> {
        self.inner.check(table)
    }

    async fn open(
        &self,
        table: &toml::Table,
        context: &OpenContext,
    ) -> Result<Arc<dyn OpLogStore>> {
        self.before.probe().await?;
        let store = self.inner.open(table, context).await?;
        Ok(self.faults.oplog(store))
    }

    fn scratch(&self, table: &toml::Table, context: &OpenContext, name: &str) -> Result<Scratch> {
        self.inner.scratch(table, context, name)
    }

    async fn remove_scratch(&self, scratch: &Scratch) -> Result<()> {
        self.inner.remove_scratch(scratch).await
    }
}

/// All that is known, with faults in the log of type `file`.
fn faulty(faults: &Faults) -> Registry {
    let mut registry = builtin();
    let inner = Arc::clone(registry.oplogs.get("file").unwrap());
    let faulty = Faulty {
        inner,
        faults: faults.clone(),
        before: faults.oplog(Arc::new(MemoryOpLog::open(&MemoryLogSpace::new()))),
    };
    registry.oplogs.register("file", faulty);
    registry
}

/// A log in a folder of its own.
fn configured() -> (TempDir, Config) {
    let dir = TempDir::new().unwrap();
    let text = format!(
        r#"
        cluster = {{ id = "certified" }}
        node = {{ id = "a", data_dir = "a" }}
        oplog = {{ type = "file", dir = "log" }}
        election = {{ type = "memory", name = {:?} }}
        recovery = {{ mode = "log" }}
        "#,
        dir.path()
    );
    let config = Config::from_text(&text, dir.path().to_owned(), &builtin()).unwrap();
    (dir, config)
}

fn places(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

async fn refused(config: &Config, registry: &Registry) -> standfast::Error {
    let claimed = Suite::claim(config, registry, "tests").await;
    claimed.unwrap_err()
}

#[tokio::test]
async fn of_two_that_claim_a_place_at_once_the_loser_leaves_it_alone() {
    let (dir, config) = configured();
    let faults = Faults::seeded(1);
    faults.script(Operation::Init, 1.., Fault::Fail(ErrorKind::Unavailable));
    // It looks before it claims, and again when it could not.
    faults.script(Operation::Fingerprint, 2.., Fault::Stall);
    let registry = faulty(&faults);
    let place = dir.path().join("scratch-tests-log-log");
    let first = async {
        faults.stalled().await;
        let first = FileOpLog::open(&place, ByteSize::mib(1)).unwrap();
        let fingerprint = Fingerprint::draw(&ClusterId::new("certified").unwrap(), [1; 16]);
        first.init(fingerprint).await.unwrap();
        faults.release();
        (first, fingerprint)
    };
    let (refused, (first, fingerprint)) = tokio::join!(refused(&config, &registry), first);
    assert_eq!(*refused.kind(), ErrorKind::AlreadyExists, "{refused}");
    assert_eq!(first.fingerprint().await.unwrap(), Some(fingerprint));
}

#[tokio::test]
async fn a_place_that_another_may_be_claiming_stays_and_is_told() {
    let (dir, config) = configured();
    let faults = Faults::seeded(1);
    faults.script(Operation::Init, 1.., Fault::Fail(ErrorKind::Unavailable));
    let refused = refused(&config, &faulty(&faults)).await;
    assert_eq!(*refused.kind(), ErrorKind::Unavailable);
    let place = dir.path().join("scratch-tests-log-log");
    let told = format!("{} stays", place.display());
    assert!(refused.to_string().contains(&told), "{refused}");
    assert!(place.is_dir());
}

#[tokio::test]
async fn a_place_that_is_ours_or_nobodys_is_removed_when_it_cannot_be_claimed() {
    for (fault, kind) in [
        (Fault::LoseAnswer, ErrorKind::Unavailable),
        (Fault::Fail(ErrorKind::Quota), ErrorKind::Quota),
    ] {
        let (dir, config) = configured();
        let faults = Faults::seeded(1);
        faults.script(Operation::Init, 1.., fault);
        let refused = refused(&config, &faulty(&faults)).await;
        assert_eq!(*refused.kind(), kind, "{refused}");
        assert_eq!(places(dir.path()), 0);
    }
}

#[tokio::test]
async fn a_case_that_was_given_up_makes_its_place_no_more() {
    let (dir, config) = configured();
    let suite = Suite::claim(&config, &builtin(), "tests").await.unwrap();
    let space = suite.log().unwrap().space().await.unwrap();
    space.open().await.unwrap();
    space.remove().await.unwrap();
    let late = space.open().await.unwrap_err();
    assert_eq!(*late.kind(), ErrorKind::Cancelled, "{late}");
    suite.clean().await.unwrap();
    assert_eq!(places(dir.path()), 0);
}

#[tokio::test]
async fn a_place_that_is_opened_while_it_is_removed_is_told_and_removed_by_the_next_call() {
    let (dir, config) = configured();
    let faults = Faults::seeded(1);
    let registry = faulty(&faults);
    let suite = Suite::claim(&config, &registry, "tests").await.unwrap();
    let space = suite.log().unwrap().space().await.unwrap();
    faults.script(Operation::Probe, 1..=1, Fault::Stall);
    let cleaning = async {
        faults.stalled().await;
        suite.clean().await.unwrap();
        faults.release();
    };
    let (late, ()) = tokio::join!(space.open(), cleaning);
    let late = late.unwrap_err();
    assert_eq!(*late.kind(), ErrorKind::Cancelled, "{late}");
    assert_eq!(suite.left().len(), 1, "{:?}", suite.left());
    suite.clean().await.unwrap();
    assert_eq!(places(dir.path()), 0);
}
