use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use standfast::config::Config;
use standfast::node::make_stores;
use standfast::ports;
use standfast_core::SharedMachine;
use standfast_snapshots::{Committed, begin_catalog};
use tempfile::TempDir;

use crate::command::Failure;
use crate::command::founding::found;
use crate::command::new_path::{folder, refuse_existing};
use crate::command::offline::Offline;

/// Its configuration.
const CONFIG: &str = "standfast.toml";

/// A cluster of one node in a directory of its own, under another name until all of it is on the disk. What is given up
/// half way is removed.
///
/// ```text
///   DIR/standfast.toml     [cluster] id and [metadata] of the cluster it was, ports that were free, and
///   DIR/election, log, bucket
/// ```
pub(super) struct Place {
    dir: TempDir,
    to: PathBuf,
}

impl Place {
    /// Refuses what exists, before any work is done.
    pub(super) fn prepare(to: &Path) -> Result<Self, Failure> {
        refuse_existing(to)?;
        let dir = tempfile::Builder::new()
            .prefix(".standfast-restore-")
            // As the umask has it.
            .permissions(Permissions::from_mode(0o777))
            .tempdir_in(folder(to))
            .map_err(|error| unwritable(to, &error))?;
        let to = std::path::absolute(to)?;
        Ok(Self { dir, to })
    }

    /// Makes the state its own, and gives it its name. Returns the path of its configuration.
    pub(super) async fn fill(
        self,
        offline: &Offline,
        machine: &SharedMachine,
    ) -> Result<PathBuf, Failure> {
        let text = configuration(&offline.config)?;
        let config = self.dir.path().join(CONFIG);
        write(&config, &text).map_err(|error| unwritable(&config, &error))?;
        let registry = standfast_backends::builtin();
        // Not overridden by the environment: that is meant for the cluster it was.
        let base = std::path::absolute(self.dir.path())?;
        let config = Config::parse(&text, base, &registry, std::iter::empty());
        let config = config.map_err(|problems| {
            let problems = problems.iter().map(ToString::to_string);
            problems.collect::<Vec<_>>().join("\n")
        })?;
        let inside = Offline {
            stores: make_stores(&config, &registry, &offline.clock).await?,
            config,
            cluster: offline.cluster,
            clock: offline.clock.clone(),
        };
        let sources = inside.sources();
        let epoch = machine.lock().position().epoch;
        let founding = found(&sources, epoch, false, async |publisher, token| {
            let captured = machine.lock().capture()?;
            let publishing = publisher.publish(captured, machine, Committed::Already);
            let manifest = publishing.await?;
            let empty = || sources.genesis().begin_restore();
            begin_catalog(publisher, token, &manifest, empty).await?;
            Ok(manifest)
        });
        Box::pin(founding).await?;
        drop((sources, inside));
        self.put_in_place()
    }

    fn put_in_place(self) -> Result<PathBuf, Failure> {
        let synced = File::open(self.dir.path()).and_then(|dir| dir.sync_all());
        synced.map_err(|error| unwritable(self.dir.path(), &error))?;
        fs::rename(self.dir.path(), &self.to).map_err(|error| unwritable(&self.to, &error))?;
        // It has its name now.
        drop(self.dir.keep());
        let folder = folder(&self.to);
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| unwritable(folder, &error))?;
        Ok(self.to.join(CONFIG))
    }
}

fn configuration(of: &Config) -> Result<String, Failure> {
    let (grpc, http) = (ports::reserve()?, ports::reserve()?);
    let metadata = toml::to_string(&of.metadata)?;
    Ok(format!(
        "# Made by `standfast snapshot restore`: cluster `{id}` as it was. It has that cluster's fingerprint, so keep it\n\
         # away from that cluster's stores. The ports were free when this was written.\n\
         [cluster]\nid = \"{id}\"\n\n\
         [node]\nid = \"restored\"\nlisten = \"127.0.0.1:{grpc}\"\nhttp = \"127.0.0.1:{http}\"\ndata_dir = \"data\"\n\n\
         [election]\ntype = \"file\"\ndir = \"election\"\n\n\
         [oplog]\ntype = \"file\"\ndir = \"log\"\n\n\
         [snapshots]\ntype = \"bucket\"\nurl = \"bucket\"\n\n\
         [metadata]\n{metadata}",
        id = of.cluster.id
    ))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)?;
    File::open(path)?.sync_all()
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    format!("cannot write {}: {error}", path.display()).into()
}
