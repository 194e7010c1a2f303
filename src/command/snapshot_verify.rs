use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;
use standfast::Stop;
use standfast_core::{Listed, Result, SnapshotId, SnapshotStore};
use standfast_snapshots::{Publisher, Restorer, check_listed, is_damage};
use standfast_standby::Sources;

use super::args::VerifySnapshotArguments;
use super::offline::Offline;
use super::stop::unless_stopped_twice;
use super::{Failure, output, snapshot};

#[derive(Serialize)]
struct Checked {
    id: SnapshotId,
    ok: bool,
    problem: Option<String>,
}

pub(super) async fn run(arguments: VerifySnapshotArguments) -> Result<ExitCode, Failure> {
    let sources = Offline::open(&arguments.config).await?.sources();
    let entry = snapshot::newest(snapshot::store(&sources)?).await?;
    let wanted = match arguments.id {
        Some(id) => {
            let none = format!("the catalog lists no snapshot {id}: see `standfast snapshot list`");
            vec![entry.find(&SnapshotId(id)).cloned().ok_or(none)?]
        }
        None => entry.snapshots,
    };
    let checking = check_all(&sources, wanted, arguments.deep);
    let checked = Box::pin(unless_stopped_twice(checking)).await?;
    output::print(arguments.config.output, &checked, |checked| {
        let lines = checked.iter().map(|one| match &one.problem {
            None => format!("{} OK", one.id),
            Some(problem) => format!("{} NOT OK: {problem}", one.id),
        });
        lines.collect::<Vec<_>>().join("\n")
    })?;
    Ok(ExitCode::from(u8::from(checked.iter().any(|one| !one.ok))))
}

async fn check_all(
    sources: &Sources,
    wanted: Vec<Listed>,
    deep: bool,
) -> Result<Vec<Checked>, Failure> {
    let store = snapshot::store(sources)?;
    let holder = format!("verify-{:016x}", rand::random::<u64>());
    let restorer = Restorer::new(Arc::clone(store), sources.policy.clone(), holder).even_unpinned();
    let mut stop = Stop::listen()?;
    let mut told = pin!(stop.told());
    let progress = output::progress(wanted.len() as u64, "verifying");
    let mut checked = Vec::new();
    for listed in wanted {
        progress.inc(1);
        let Some(pin) = restorer.hold(&listed).await? else {
            tracing::info!(snapshot = %listed.id, "left out: it was retired meanwhile");
            continue;
        };
        let checking = check(sources, store, &listed, deep);
        // Neither arm is awaited again.
        let found = tokio::select! {
            found = pin.keep(sources.policy.pin_expiry.0, checking) => Some(found),
            () = told.as_mut() => None,
        };
        pin.let_go().await;
        let problem = match found.ok_or("interrupted")? {
            Err(error) if !is_damage(&error) => return Err(error.into()),
            found => found.err().map(|error| error.to_string()),
        };
        checked.push(Checked {
            id: listed.id,
            ok: problem.is_none(),
            problem,
        });
    }
    progress.finish_and_clear();
    Ok(checked)
}

/// Whether every byte is as it was written, and the manifest as the catalog has it; `deep`, also whether the rows are those of
/// the digest. One that no node has attested yet is attested then, if the keys may write.
async fn check(
    sources: &Sources,
    store: &Arc<dyn SnapshotStore>,
    listed: &Listed,
    deep: bool,
) -> Result<()> {
    check_listed(listed, store.open(&listed.id).await?.manifest())?;
    if !deep {
        return store.verify(&listed.id).await;
    }
    let node = sources.candidate.node.clone();
    let publisher = Publisher::new(Arc::clone(store), node, sources.policy.clone());
    let empty = || sources.genesis().begin_restore();
    let manifest = publisher.read_back(&listed.id, &empty).await?;
    if !listed.verified
        && let Err(error) = publisher.attest(&manifest).await
    {
        tracing::warn!(%error, snapshot = %listed.id, "it is good, but that could not be attested");
    }
    Ok(())
}
