use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use serde::Deserialize;
use standfast_core::{ErrorKind, Factory, OpenContext, Result, Scratch, SnapshotStore};
use tokio::task;

use super::error::{fail, from_store};
use super::local::{LocalDirs, make_durable};
use super::snapshot::BucketSnapshotStore;
use crate::scratch;
use crate::settings::{self, Settings};

/// `[snapshots]` of type `bucket`: an object store.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct BucketConfig {
    /// Where: `file:///absolute/path`, or a path. Snapshots of a cluster lie below `{url}/{cluster id}/`. Required.
    url: Option<String>,
}

impl BucketConfig {
    fn folder(&self) -> Result<PathBuf, String> {
        let Some(url) = &self.url else {
            return Err("`url` is missing: want \"file:///path\" or a path".to_owned());
        };
        let path = match url.split_once("://") {
            None => url,
            Some(("file", path)) if path.starts_with('/') && !path.contains('%') => path,
            Some(("file", _)) => {
                return Err(format!(
                    "`url = \"{url}\"`: after file:// comes an absolute path, unescaped, as in \
                     \"file:///srv/snapshots\""
                ));
            }
            Some((scheme, _)) => {
                return Err(format!(
                    "`url = \"{url}\"`: this build has no `{scheme}://`, only `file://`"
                ));
            }
        };
        if path.is_empty() {
            return Err("`url` is empty: want \"file:///path\" or a path".to_owned());
        }
        Ok(PathBuf::from(path))
    }
}

/// The folder that a table names, absolute.
fn folder(table: &toml::Table, context: &OpenContext) -> Result<PathBuf> {
    let config: BucketConfig = settings::load(table)?;
    let folder = config
        .folder()
        .map_err(|problem| fail(ErrorKind::Config, "open bucket", problem))?;
    Ok(context.resolve(&folder))
}

impl Settings for BucketConfig {
    const KEYS: &'static [&'static str] = &["url"];

    fn problems(&self) -> Vec<String> {
        self.folder().err().into_iter().collect()
    }
}

/// Opens [`BucketSnapshotStore`]s from a configuration.
#[derive(Clone, Copy, Debug)]
pub struct BucketFactory;

#[async_trait]
impl Factory<dyn SnapshotStore> for BucketFactory {
    fn keys(&self) -> &'static [&'static str] {
        BucketConfig::KEYS
    }

    fn check(&self, table: &toml::Table) -> Vec<String> {
        settings::check::<BucketConfig>(table)
    }

    async fn open(
        &self,
        table: &toml::Table,
        context: &OpenContext,
    ) -> Result<Arc<dyn SnapshotStore>> {
        let folder = folder(table, context)?;
        if !context.make && !folder.is_dir() {
            let missing = format!("there is no directory {}", folder.display());
            return Err(fail(ErrorKind::NotFound, "open bucket", missing));
        }
        let store = BucketSnapshotStore::open(&folder, context.cluster.as_str()).await?;
        Ok(Arc::new(store))
    }

    fn scratch(&self, table: &toml::Table, context: &OpenContext, name: &str) -> Result<Scratch> {
        // Every cluster of a bucket has a fingerprint of its own there: the folder has to be apart as well.
        let name = format!("{name}.{}", context.cluster);
        let folder = scratch::folder(&folder(table, context)?, &name)?;
        let mut table = table.clone();
        table.insert("url".into(), folder.into());
        Ok(Scratch {
            table,
            context: scratch::context(context),
        })
    }

    async fn remove_scratch(&self, scratch: &Scratch) -> Result<()> {
        let folder = folder(&scratch.table, &scratch.context)?;
        blocking("remove scratch place", move || {
            scratch::remove_folder(&folder)
        })
        .await
    }
}

impl BucketSnapshotStore {
    /// A bucket in the directory `root`, for the cluster with this id. Creates the directories it needs.
    ///
    /// # Errors
    /// `Auth`, `Quota`, `Unavailable` with what the file system said.
    ///
    /// # Durability
    /// The directories are durable on return. Everything written later is synced, files and directories, before it
    /// is reported as written.
    ///
    /// # Cancel safety
    /// Cancel safe: empty directories may stay.
    pub async fn open(root: &Path, cluster: &str) -> Result<Self> {
        let root = root.to_owned();
        let (store, local) = blocking("open bucket", move || open_folder(&root)).await?;
        let store = Self::over(Arc::new(store), Some(local), cluster);
        store.create_folders().await?;
        Ok(store)
    }

    /// A bucket in an object store that the caller has opened, for the cluster with this id. Ask it to
    /// [`probe`](standfast_core::Store::probe) before relying on it: a store that ignores create-if-absent is none.
    ///
    /// # Durability
    /// That of the object store: it is not asked to sync anything.
    pub fn on(store: Arc<dyn ObjectStore>, cluster: &str) -> Self {
        Self::over(store, None, cluster)
    }
}

/// Does what blocks on a thread where that harms nobody.
async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = task::spawn_blocking(work).await;
    done.map_err(|source| {
        let closed = "the runtime is shutting down";
        fail(ErrorKind::Closed, operation, closed).source(source)
    })?
}

fn open_folder(root: &Path) -> Result<(LocalFileSystem, LocalDirs)> {
    make_durable(root, Path::new("/"))?;
    let store = LocalFileSystem::new_with_prefix(root)
        .map_err(|e| from_store("open bucket", &root.display().to_string(), e))?
        .with_fsync(true);
    let root = root
        .canonicalize()
        .map_err(|e| super::error::from_io("open bucket", root, e))?;
    Ok((store, LocalDirs::new(root)))
}
