//! A scratch place that cannot be removed.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use standfast::conformance::{Log, Suite};
use standfast::standfast_core::{Factory, OpLogStore, OpenContext, Scratch};
use standfast::{Config, Error, ErrorKind, Result};
use toml::Table;

use crate::kinds::Tried;

/// Logs on a disk that goes read-only under them.
struct ReadOnly(Arc<dyn Factory<dyn OpLogStore>>);

#[async_trait]
impl Factory<dyn OpLogStore> for ReadOnly {
    fn keys(&self) -> &'static [&'static str] {
        self.0.keys()
    }

    fn check(&self, table: &Table) -> Vec<String> {
        self.0.check(table)
    }

    async fn open(&self, table: &Table, context: &OpenContext) -> Result<Arc<dyn OpLogStore>> {
        self.0.open(table, context).await
    }

    fn scratch(&self, table: &Table, context: &OpenContext, name: &str) -> Result<Scratch> {
        self.0.scratch(table, context, name)
    }

    async fn remove_scratch(&self, _scratch: &Scratch) -> Result<()> {
        Err(Error::new(ErrorKind::Unavailable, "remove scratch place").context("read-only"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_removed_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut registry = standfast_backends::builtin();
    let sound = Arc::clone(registry.oplogs.get("file").unwrap());
    registry.oplogs.register("file", ReadOnly(sound));
    let text = Log::config("file", dir.path());
    let config = Config::from_text(&text, dir.path().to_owned(), &registry).unwrap();
    let suite = Suite::claim(&config, &registry, "tests").await.unwrap();
    let told = suite.clean().await.unwrap_err().to_string();
    let [left] = &suite.left()[..] else {
        panic!("{:?}", suite.left());
    };
    assert!(Path::new(left).is_dir(), "{left}");
    let wanted = format!("remove what stays of {left}: read-only");
    assert!(told.contains(&wanted), "{told}");
}
