use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Signal, getpid, kill_process};
use standfast::standfast_core::{Factory, OpLogStore, OpenContext, Scratch};
use standfast::{ErrorKind, Node, NodeBuilder, RequestHeader, Result, Role, Typed};
use standfast_backends::{MemoryLogSpace, MemoryOpLog};
use tokio::sync::{Notify, oneshot};

use crate::counter::Counters;
use crate::support::config;

/// A log of the program's own.
struct Mine(MemoryLogSpace);

#[async_trait]
impl Factory<dyn OpLogStore> for Mine {
    fn keys(&self) -> &'static [&'static str] {
        &["colour"]
    }

    fn check(&self, _table: &toml::Table) -> Vec<String> {
        Vec::new()
    }

    async fn open(
        &self,
        table: &toml::Table,
        _context: &OpenContext,
    ) -> Result<Arc<dyn OpLogStore>> {
        assert_eq!(table["colour"].as_str(), Some("blue"));
        Ok(Arc::new(MemoryOpLog::open(&self.0)))
    }

    fn scratch(&self, _: &toml::Table, _: &OpenContext, _name: &str) -> Result<Scratch> {
        unreachable!("nobody certifies it")
    }

    async fn remove_scratch(&self, _scratch: &Scratch) -> Result<()> {
        unreachable!("nobody certifies it")
    }
}

fn counters() -> NodeBuilder {
    Node::builder().service(|| Typed::new(|| Counters))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_reaches_its_state_on_a_log_of_its_own_without_any_api() {
    let dir = tempfile::tempdir().unwrap();
    let mine = r#"type = "mine", colour = "blue", ack = "async""#;
    let builder = counters()
        .config_text(config(mine, r#"type = "memory""#), dir.path())
        .register_oplog("mine", Mine(MemoryLogSpace::new()));
    let (identity, created) = builder.init().await.unwrap();
    assert!(created);
    assert_eq!(builder.init().await.unwrap(), (identity, false));
    let node = builder.open().await.unwrap();
    let view = node.view();
    let counters = view.typed_proposer::<Counters>();
    let soon = Duration::from_secs(10);
    let add = |by| counters.propose(RequestHeader::default(), ("x".to_owned(), by), soon);
    let early = add(1).await.unwrap_err();
    assert_eq!(*early.kind(), ErrorKind::NotPrimary { address: None });

    let (stop, stopped) = oneshot::channel::<()>();
    let ran = node.run_until(async { drop(stopped.await) });
    let used = async {
        let mut roles = view.roles();
        roles.wait_for(|role| *role == Role::Primary).await.unwrap();
        assert_eq!(add(2).await.unwrap(), Ok(2));
        assert_eq!(add(3).await.unwrap(), Ok(5));
        assert_eq!(counters.read("x".to_owned(), soon).await.unwrap(), 5);
        drop(stop);
    };
    let (ran, ()) = tokio::join!(ran, used);
    ran.unwrap();
    let late = add(1).await.unwrap_err();
    assert_eq!(*late.kind(), ErrorKind::NotPrimary { address: None });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_runs_until_it_is_told_to_stop() {
    let dir = tempfile::tempdir().unwrap();
    let begun = Arc::new(Notify::new());
    let begins = Arc::clone(&begun);
    let builder = Node::builder()
        .config_text(config(r#"type = "file""#, r#"type = "file""#), dir.path())
        .service(move || {
            begins.notify_one();
            Typed::new(|| Counters)
        });
    builder.init().await.unwrap();
    let told = async {
        begun.notified().await;
        kill_process(getpid(), Signal::TERM).unwrap();
    };
    let (ran, ()) = tokio::join!(builder.run(), told);
    ran.unwrap();
}

#[tokio::test]
async fn what_is_missing_is_named_and_how_to_give_it() {
    let told = |error: standfast::Error| {
        assert_eq!(*error.kind(), ErrorKind::Config);
        error.to_string()
    };
    let error = told(counters().open().await.unwrap_err());
    assert!(error.contains("call `config_file`"), "{error}");
    let good = config(r#"type = "file""#, r#"type = "file""#);
    let without = Node::builder().config_text(&good, "/nowhere");
    let error = told(without.open().await.unwrap_err());
    assert!(error.contains("call `service`"), "{error}");
    let error = told(
        counters()
            .config_text(&good, "here")
            .open()
            .await
            .unwrap_err(),
    );
    assert!(error.contains("here, which is relative itself"), "{error}");
    let bad = good.replace("embedded", "no such name!");
    let error = told(counters().config_text(bad, "/").open().await.unwrap_err());
    assert!(error.contains("the configuration's text:\n"), "{error}");
    let error = told(counters().config_file("/no/such").open().await.unwrap_err());
    assert!(error.contains("cannot read /no/such"), "{error}");
}
