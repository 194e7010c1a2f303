use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;
use standfast_core::{Result, SnapshotId};
use standfast_snapshots::Publisher;
use standfast_standby::Sources;

use super::args::VerifySnapshotArguments;
use super::offline::Offline;
use super::{Failure, output, snapshot};

#[derive(Serialize)]
struct Checked {
    id: SnapshotId,
    ok: bool,
    problem: Option<String>,
}

pub(super) async fn run(arguments: VerifySnapshotArguments) -> Result<ExitCode, Failure> {
    let sources = Offline::open(&arguments.config).await?.sources();
    let wanted = match arguments.id {
        Some(id) => vec![SnapshotId(id)],
        None => listed(&sources).await?,
    };
    let progress = output::progress(wanted.len() as u64, "verifying");
    let mut checked = Vec::new();
    for id in wanted {
        let problem = check(&sources, &id, arguments.deep).await?.err();
        checked.push(Checked {
            id,
            ok: problem.is_none(),
            problem: problem.map(|error| error.to_string()),
        });
        progress.inc(1);
    }
    progress.finish_and_clear();
    output::print(arguments.config.output, &checked, |checked| {
        let lines = checked.iter().map(|one| match &one.problem {
            None => format!("{} OK", one.id),
            Some(problem) => format!("{} NOT OK: {problem}", one.id),
        });
        lines.collect::<Vec<_>>().join("\n")
    })?;
    Ok(ExitCode::from(u8::from(checked.iter().any(|one| !one.ok))))
}

async fn listed(sources: &Sources) -> Result<Vec<SnapshotId>, Failure> {
    let entry = snapshot::newest(snapshot::store(sources)?).await?;
    Ok(entry
        .snapshots
        .into_iter()
        .map(|listed| listed.id)
        .collect())
}

/// What is found: every byte as it was written; `deep`, also that the rows are those of the digest.
async fn check(sources: &Sources, id: &SnapshotId, deep: bool) -> Result<Result<()>, Failure> {
    let store = snapshot::store(sources)?;
    if !deep {
        return Ok(store.verify(id).await);
    }
    let node = sources.candidate.node.clone();
    let publisher = Publisher::new(Arc::clone(store), node, sources.policy.clone());
    let proved = publisher.prove(id, || sources.genesis().begin_restore());
    Ok(proved.await.map(drop))
}
