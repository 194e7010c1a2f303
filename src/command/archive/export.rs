use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use standfast_core::{
    CatalogEntry, Digest, Error, ErrorKind, Listed, Position, SnapshotId, SnapshotStore,
};
use standfast_snapshots::{Restorer, export};
use tempfile::NamedTempFile;

use crate::command::args::ConfigArguments;
use crate::command::new_path::{exists, folder, refuse_existing};
use crate::command::offline::Offline;
use crate::command::stop::unless_stopped;
use crate::command::{Failure, output, snapshot};

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Name of the snapshot; the newest verified one when it is left out
    #[arg(long)]
    id: Option<String>,
    /// The file to write; must not exist
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

#[derive(Serialize)]
struct Exported {
    id: SnapshotId,
    position: Position,
    digest: Digest,
    file: PathBuf,
    parts: usize,
    bytes: u64,
}

/// Writes a snapshot into one file, beside nodes that run.
pub(crate) async fn run(arguments: ExportArguments) -> Result<ExitCode, Failure> {
    let offline = Offline::open(&arguments.config).await?;
    let sources = offline.sources();
    let store = snapshot::store(&sources)?;
    refuse_existing(&arguments.to)?;
    let exported = match store.newest().await {
        Err(error) if *error.kind() == ErrorKind::Corrupt => {
            without_catalog(&offline, store, error, &arguments).await?
        }
        entry => {
            let listed = choose(&snapshot::listing(entry?)?, arguments.id)?;
            held(&offline, store, &listed, &arguments.to).await?
        }
    };
    output::print(arguments.config.output, &exported, |exported| {
        format!(
            "snapshot {} at seq {} is in {}: {} parts, {} bytes, digest {}",
            exported.id,
            exported.position.seq,
            exported.file.display(),
            exported.parts,
            exported.bytes,
            exported.digest
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a snapshot that a pin keeps meanwhile.
async fn held(
    offline: &Offline,
    store: &Arc<dyn SnapshotStore>,
    listed: &Listed,
    to: &Path,
) -> Result<Exported, Failure> {
    let holder = format!("export-{:016x}", rand::random::<u64>());
    let policy = offline.sources().policy;
    let restorer = Restorer::new(Arc::clone(store), policy.clone(), holder).even_unpinned();
    let retired = || format!("snapshot {} was retired a moment ago: try again", listed.id);
    let pin = restorer.hold(listed).await?.ok_or_else(retired)?;
    let writing = unless_stopped(write(offline, &listed.id, to));
    let exported = pin.keep(policy.pin_expiry.0, writing).await;
    pin.let_go().await;
    exported
}

/// Writes the snapshot that was named: with a catalog that cannot be read nobody can say that it was ever listed, and
/// nobody deletes anything either.
async fn without_catalog(
    offline: &Offline,
    store: &Arc<dyn SnapshotStore>,
    error: Error,
    arguments: &ExportArguments,
) -> Result<Exported, Failure> {
    let Some(id) = &arguments.id else {
        let there = store.proposals().await?.into_iter().map(|id| id.0);
        let there = there.collect::<Vec<_>>().join(", ");
        return Err(error
            .context(format!(
                "so nobody knows which snapshot is good; name one of those that are there with --id: {there}"
            ))
            .into());
    };
    tracing::warn!(%error, "the catalog cannot say whether this snapshot was listed");
    unless_stopped(write(offline, &SnapshotId(id.clone()), &arguments.to)).await
}

fn choose(entry: &CatalogEntry, id: Option<String>) -> Result<Listed, Failure> {
    if let Some(id) = id {
        let none = format!("the catalog lists no snapshot {id}: see `standfast snapshot list`");
        let found = entry.find(&SnapshotId(id)).cloned();
        return Ok(found.ok_or(none)?);
    }
    let none = "no snapshot is verified yet: wait for a node to do that, or name one with --id";
    let verified = entry.snapshots.iter().rev().find(|listed| listed.verified);
    Ok(verified.cloned().ok_or(none)?)
}

/// Under a name of its own until all of it is on the disk. What is given up half way leaves nothing.
async fn write(offline: &Offline, id: &SnapshotId, to: &Path) -> Result<Exported, Failure> {
    let sources = offline.sources();
    let reader = snapshot::store(&sources)?.open(id).await?;
    let manifest = reader.manifest();
    let folder = folder(to);
    let unwritable = |error: io::Error| format!("cannot write {}: {error}", to.display());
    let mut file = tempfile::Builder::new()
        .prefix(".standfast-export-")
        // As the umask has it.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(unwritable)?;
    let progress = output::progress(manifest.parts.len() as u64, "exporting");
    let cluster = offline.config.cluster.id.clone();
    let bytes = export(&*reader, cluster, &mut file, || progress.inc(1)).await?;
    progress.finish_and_clear();
    file.as_file().sync_all().map_err(unwritable)?;
    put_in_place(file, to)?;
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(unwritable)?;
    Ok(Exported {
        id: id.clone(),
        position: manifest.position,
        digest: manifest.digest,
        file: to.to_owned(),
        parts: manifest.parts.len(),
        bytes,
    })
}

fn put_in_place(file: NamedTempFile, to: &Path) -> Result<(), Failure> {
    match file.persist_noclobber(to) {
        Ok(_file) => Ok(()),
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(to)),
        Err(failed) => Err(format!("cannot write {}: {}", to.display(), failed.error).into()),
    }
}
