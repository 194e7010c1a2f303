use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;
use standfast::Stop;
use standfast_core::{Error, ErrorKind, Listed, Result, SnapshotId, SnapshotStore};
use standfast_snapshots::{Publisher, Restorer, check_listed, is_damage};
use standfast_standby::Sources;

use super::args::{Output, VerifySnapshotArguments};
use super::offline::Offline;
use super::stop::unless_stopped_twice;
use super::{Failure, output, snapshot};

#[derive(Serialize)]
struct Checked {
    id: SnapshotId,
    ok: bool,
    problem: Option<String>,
}

impl Checked {
    fn of(id: SnapshotId, problem: Option<Error>) -> Self {
        Self {
            id,
            ok: problem.is_none(),
            problem: problem.map(|error| error.to_string()),
        }
    }
}

pub(super) async fn run(arguments: VerifySnapshotArguments) -> Result<ExitCode, Failure> {
    let sources = Offline::open(&arguments.config).await?.sources();
    let store = snapshot::store(&sources)?;
    let wanted = match arguments.id.map(SnapshotId) {
        Some(id) => match listed(store, &id).await? {
            Some(listed) => vec![listed],
            None => {
                return unlisted(&sources, id, arguments.deep, arguments.config.output).await;
            }
        },
        None => snapshot::newest(store).await?.snapshots,
    };
    let checking = check_all(&sources, wanted, arguments.deep);
    let checked = Box::pin(unless_stopped_twice(checking)).await?;
    print(&checked, arguments.config.output)
}

/// One that is pinned, or not listed yet or any more: it may go while it is read.
async fn unlisted(
    sources: &Sources,
    id: SnapshotId,
    deep: bool,
    form: Output,
) -> Result<ExitCode, Failure> {
    let problem = match read(sources, snapshot::store(sources)?, &id, deep).await {
        Err(error) if *error.kind() != ErrorKind::Corrupt => return Err(error.into()),
        read => read.err(),
    };
    print(&[Checked::of(id, problem)], form)
}

fn print(checked: &[Checked], form: Output) -> Result<ExitCode, Failure> {
    output::print(form, &checked, |checked| {
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
            // Without a pin it may have been retired meanwhile, and its parts with it.
            Err(_) if self::listed(store, &listed.id).await?.is_none() => continue,
            found => found.err(),
        };
        checked.push(Checked::of(listed.id, problem));
    }
    progress.finish_and_clear();
    Ok(checked)
}

/// What the catalog says of it.
async fn listed(store: &Arc<dyn SnapshotStore>, id: &SnapshotId) -> Result<Option<Listed>> {
    let entry = store.newest().await?;
    Ok(entry.and_then(|entry| entry.find(id).cloned()))
}

/// Whether the manifest is as the catalog has it, and what it names as it was written. One that no node has attested yet is
/// attested when its digest was compared, if the keys may write.
async fn check(
    sources: &Sources,
    store: &Arc<dyn SnapshotStore>,
    listed: &Listed,
    deep: bool,
) -> Result<()> {
    check_listed(listed, store.open(&listed.id).await?.manifest())?;
    read(sources, store, &listed.id, deep).await?;
    if deep
        && !listed.verified
        && let Err(error) = attest(sources, store, &listed.id).await
    {
        tracing::warn!(%error, snapshot = %listed.id, "it is good, but that could not be attested");
    }
    Ok(())
}

/// Whether every byte is as it was written; `deep`, instead, whether the rows are those of the digest.
async fn read(
    sources: &Sources,
    store: &Arc<dyn SnapshotStore>,
    id: &SnapshotId,
    deep: bool,
) -> Result<()> {
    if !deep {
        return store.verify(id).await;
    }
    let empty = || sources.genesis().begin_restore();
    let read = publisher(sources, store).read_back(id, &empty).await;
    read.map(drop)
}

async fn attest(sources: &Sources, store: &Arc<dyn SnapshotStore>, id: &SnapshotId) -> Result<()> {
    let reader = store.open(id).await?;
    let attested = publisher(sources, store).attest(reader.manifest()).await;
    attested.map(drop)
}

fn publisher(sources: &Sources, store: &Arc<dyn SnapshotStore>) -> Publisher {
    let node = sources.candidate.node.clone();
    Publisher::new(Arc::clone(store), node, sources.policy.clone())
}
