use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use serde::Serialize;
use standfast::config::Config;
use standfast::node::{DataDirLock, make_stores};
use standfast_core::{Clock, ClusterId, Digest, Epoch, Fingerprint, Position, SnapshotId};
use standfast_snapshots::{Archive, ArchiveHeader, import};
use standfast_standby::{HighWater, Sources};

use crate::command::args::ConfigArguments;
use crate::command::founding::found;
use crate::command::offline::Offline;
use crate::command::stop::unless_stopped;
use crate::command::{Failure, output, snapshot};

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// The file that `snapshot export` wrote
    file: PathBuf,
    #[command(flatten)]
    config: ConfigArguments,
}

#[derive(Serialize)]
struct Imported {
    cluster: ClusterId,
    fingerprint: Fingerprint,
    id: SnapshotId,
    position: Position,
    digest: Digest,
    rows: u64,
    epoch: Epoch,
}

/// Makes empty stores those of the archive's cluster, as it was at the snapshot's Position.
pub(crate) async fn run(arguments: ImportArguments) -> Result<ExitCode, Failure> {
    let claimed = AtomicBool::new(false);
    let imported = unless_stopped(run_in(&arguments, &claimed)).await;
    let imported = imported.map_err(|error| incomplete(error, &claimed))?;
    output::print(arguments.config.output, &imported, |imported| {
        format!(
            "cluster `{}` (fingerprint {}) is at {} with epoch {}: {} rows, digest {}; start the nodes",
            imported.cluster,
            imported.fingerprint,
            imported.position,
            imported.epoch,
            imported.rows,
            imported.digest
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What to do after an import that failed.
fn incomplete(error: Failure, claimed: &AtomicBool) -> Failure {
    if !claimed.load(Ordering::Relaxed) {
        return error;
    }
    format!(
        "{error}\nthe import is not complete: before the next try, empty the stores of [oplog], [election] and \
         [snapshots]; no node serves from them as they are"
    )
    .into()
}

async fn run_in(arguments: &ImportArguments, claimed: &AtomicBool) -> Result<Imported, Failure> {
    let registry = standfast_backends::builtin();
    let config = Config::load(&arguments.config.config, &registry)?;
    let archive = Arc::new(Archive::open(&arguments.file)?);
    check_name(&config, archive.header())?;
    let parts = archive.header().manifest.parts.len() as u64;
    let progress = output::progress(parts, "checking");
    archive.verify(|| progress.inc(1)).await?;
    progress.finish_and_clear();

    let clock = Clock::system();
    let stores = make_stores(&config, &registry, &clock).await?;
    stores.check_empty().await?;
    let offline = Offline {
        config,
        stores,
        cluster: archive.header().manifest.cluster,
        clock,
    };
    let sources = offline.sources();
    snapshot::store(&sources)?;
    let _lock = DataDirLock::take(&sources.data_dir)
        .map_err(|error| error.context("stop the node first"))?;
    check_high_water(&sources)?;
    // Whether this program can read the rows, before anything is claimed.
    let manifest = &archive.header().manifest;
    sources.genesis().begin_restore().check(manifest)?;
    claimed.store(true, Ordering::Relaxed);
    fill(&offline.config, &sources, &archive).await
}

fn check_name(config: &Config, header: &ArchiveHeader) -> Result<(), Failure> {
    let ours = &config.cluster.id;
    if header.cluster == *ours {
        return Ok(());
    }
    Err(format!(
        "the archive is of cluster `{}`, the configuration says [cluster] id = \"{ours}\": what is imported goes on under \
         its own name, so set that id",
        header.cluster
    )
    .into())
}

/// A node that has seen more committed than the archive holds would not serve it.
fn check_high_water(sources: &Sources) -> Result<(), Failure> {
    let data_dir = sources.data_dir.display();
    let known = HighWater::look(&sources.data_dir, sources.cluster)
        .map_err(|error| error.context(format!("[node] data_dir {data_dir} is not empty")))?;
    match known.position() {
        None => Ok(()),
        Some(known) => Err(format!(
            "[node] data_dir {data_dir} has seen {known} committed: name a new one for each node, or remove them"
        )
        .into()),
    }
}

async fn fill(
    config: &Config,
    sources: &Sources,
    archive: &Arc<Archive>,
) -> Result<Imported, Failure> {
    let at_least = archive.header().manifest.position.epoch;
    let parts = archive.header().manifest.parts.len() as u64;
    let progress = output::progress(parts, "importing");
    let empty = || sources.genesis().begin_restore();
    let streams = config.streams_from().is_some();
    let (manifest, epoch) = found(sources, at_least, streams, async |publisher, token| {
        Ok(import(archive, publisher, token, empty, || progress.inc(1)).await?)
    })
    .await?;
    progress.finish_and_clear();
    Ok(Imported {
        cluster: config.cluster.id.clone(),
        fingerprint: sources.cluster,
        position: manifest.position,
        digest: manifest.digest,
        rows: manifest.rows(),
        id: manifest.id,
        epoch,
    })
}
