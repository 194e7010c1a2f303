use std::path::Path;
use std::time::Duration;

use standfast::{
    Application, Change, Node, Refusal, RequestHeader, Result, Role, Rows, RowsMut, Typed,
};
use tokio::sync::oneshot;

use super::SqliteFactory;

/// One number: how often the program was run.
#[derive(Debug)]
struct Runs;

impl Application for Runs {
    type Key = u8;
    type Row = u64;
    type Op = ();
    type Command = ();
    type Reply = u64;
    type Query = ();
    type Answer = ();

    fn decide(&self, _: &Rows<'_, Self>, _: u64, (): &()) -> Result<Change<Self>, Refusal> {
        Ok(Change::commit(0, ()))
    }

    fn apply(rows: &mut RowsMut<'_, '_, Self>, _: u64, key: u8, (): ()) -> u64 {
        let runs = rows.get(&key).copied().unwrap_or(0) + 1;
        rows.insert(key, runs);
        runs
    }

    fn query(&self, _: &Rows<'_, Self>, _: u64, (): &()) {}
}

/// Starts a node on the configured log, counts one run, and stops it.
pub(crate) async fn count(config: &str, dir: &Path) -> Result<u64> {
    let builder = Node::builder()
        .config_text(config, dir)
        .register_oplog("sqlite", SqliteFactory)
        .service(|| Typed::new(|| Runs));
    builder.init().await?;
    let node = builder.open().await?;
    let (runs, mut roles) = (node.view().typed_proposer::<Runs>(), node.view().roles());
    let (stop, stopped) = oneshot::channel::<()>();
    let caller = async {
        let leads = |role: &Role| matches!(role, Role::Primary | Role::Failed);
        // The sender lives as long as the node; a node that cannot lead is told by `propose`.
        drop(roles.wait_for(leads).await);
        let ran = runs.propose(RequestHeader::default(), (), Duration::from_secs(5));
        let ran = ran.await;
        drop(stop);
        ran
    };
    let (ended, ran) = tokio::join!(node.run_until(async { drop(stopped.await) }), caller);
    ended?;
    Ok(ran?.expect("nothing refuses a run"))
}
