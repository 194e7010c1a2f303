//! A counter that survives crashes: run it, kill it, run it again. It counts its own runs.
//!
//! `cargo run --example counter` keeps its stores in `counter/` of the temporary directory.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use standfast::{
    Application, Change, Node, Refusal, RequestHeader, Result, Role, Rows, RowsMut, Typed,
};
use tokio::sync::oneshot;

/// What an operator would write into a file. Its paths are relative to the folder that `count` is given.
const CONFIG: &str = r#"
    cluster   = { id = "counter" }
    node      = { id = "a", data_dir = "a" }
    election  = { type = "file" }
    oplog     = { type = "file" }
    recovery  = { mode = "log" }
"#;

#[derive(Debug)]
pub(crate) struct Counters;

impl Application for Counters {
    type Key = String;
    type Row = u64;
    type Op = u64;
    type Command = (String, u64);
    type Reply = u64;
    type Query = String;
    type Answer = u64;

    /// On the primary: what a command changes.
    fn decide(
        &self,
        _: &Rows<'_, Self>,
        _: u64,
        (name, by): &(String, u64),
    ) -> Result<Change<Self>, Refusal> {
        Ok(Change::commit(name.clone(), *by))
    }

    /// On every node: the change itself.
    fn apply(rows: &mut RowsMut<'_, '_, Self>, _: u64, key: String, op: u64) -> u64 {
        let sum = rows.get(&key).copied().unwrap_or(0) + op;
        rows.insert(key, sum);
        sum
    }

    /// On the primary: a look.
    fn query(&self, rows: &Rows<'_, Self>, _: u64, query: &String) -> u64 {
        rows.get(query).copied().unwrap_or(0)
    }
}

/// Starts a node, counts one run, and stops it.
pub(crate) async fn count(config: &str, dir: &Path) -> Result<u64> {
    let builder = Node::builder()
        .config_text(config, dir)
        .service(|| Typed::new(|| Counters));
    builder.init().await?;
    let node = builder.open().await?;
    let (counters, mut roles) = (
        node.view().typed_proposer::<Counters>(),
        node.view().roles(),
    );
    let (stop, stopped) = oneshot::channel::<()>();
    let caller = async {
        // The sender lives as long as the node; a node that cannot lead is told by `propose`.
        drop(
            roles
                .wait_for(|role| matches!(role, Role::Primary | Role::Failed))
                .await,
        );
        let add = ("runs".to_owned(), 1);
        let sum = counters
            .propose(RequestHeader::default(), add, Duration::from_secs(5))
            .await;
        drop(stop);
        sum
    };
    let (ran, sum) = tokio::join!(node.run_until(async { drop(stopped.await) }), caller);
    ran?;
    Ok(sum?.expect("no counter refuses"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runs = count(CONFIG, &std::env::temp_dir().join("counter")).await?;
    Ok(writeln!(std::io::stdout(), "this was run {runs}")?)
}
