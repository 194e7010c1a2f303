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
use super::options::RemoteOptions;
use super::place::Place;
use super::remote;
use super::snapshot::BucketSnapshotStore;
use crate::scratch;
use crate::settings::{self, Settings};

/// `[snapshots]` of type `bucket`: an object store.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct BucketConfig {
    /// Where: `file:///absolute/path` or a path, `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`.
    /// Snapshots of a cluster lie below `{url}/{cluster id}/`. Required.
    url: Option<String>,
    /// Where the store answers, `http://host:port` or `https://host:port`, when it is not its cloud's own. Default: the
    /// cloud's.
    endpoint: Option<String>,
    /// S3: the bucket's region. Default: `AWS_REGION` of the environment, else `us-east-1`.
    region: Option<String>,
    /// S3: whether the bucket is named in the path and not in the host. Default: with `endpoint`, and when its name has dots.
    path_style: Option<bool>,
    /// The authority that signed the store's certificate, PEM. Default: those that the system trusts.
    ca_file: Option<PathBuf>,
    /// S3: keys in the form of AWS's tools; the file is read again every ten seconds. Google: the key of a service account,
    /// JSON. Default: the environment (`AWS_ACCESS_KEY_ID` ..), else what the machine is lent.
    credentials_file: Option<PathBuf>,
    /// S3: which section of the file. Default: `default`.
    profile: Option<String>,
    /// S3: what the store encrypts with: `AES256`, `aws:kms` or `aws:kms:dsse`. Default: as the bucket is set up.
    encryption: Option<String>,
    /// S3: the key of the key service. Default: the account's own.
    kms_key: Option<String>,
}

impl BucketConfig {
    fn options(&self) -> RemoteOptions {
        RemoteOptions {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            path_style: self.path_style,
            ca_file: self.ca_file.clone(),
            credentials_file: self.credentials_file.clone(),
            profile: self.profile.clone(),
            encryption: self.encryption.clone(),
            kms_key: self.kms_key.clone(),
        }
    }
}

impl Settings for BucketConfig {
    const KEYS: &'static [&'static str] = &[
        "url",
        "endpoint",
        "region",
        "path_style",
        "ca_file",
        "credentials_file",
        "profile",
        "encryption",
        "kms_key",
    ];

    fn problems(&self) -> Vec<String> {
        match Place::parse(self.url.as_deref()) {
            Ok(Place::Folder(_)) => self.options().problems(None),
            Ok(Place::Remote(remote)) => self.options().problems(Some(remote.cloud)),
            Err(problem) => vec![problem],
        }
    }
}

/// What a table names: a folder that is absolute, or a place elsewhere with absolute files.
fn load(table: &toml::Table, context: &OpenContext) -> Result<(Place, RemoteOptions)> {
    let config: BucketConfig = settings::load(table)?;
    let options = config.options().resolved(context);
    let place = Place::parse(config.url.as_deref())
        .map_err(|problem| fail(ErrorKind::Config, "open bucket", problem))?;
    Ok(match place {
        Place::Folder(folder) => (Place::Folder(context.resolve(&folder)), options),
        remote @ Place::Remote(_) => (remote, options),
    })
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
        let cluster = context.cluster.as_str();
        Ok(Arc::new(match load(table, context)? {
            (Place::Folder(folder), _) => {
                if !context.make && !folder.is_dir() {
                    let missing = format!("there is no directory {}", folder.display());
                    return Err(fail(ErrorKind::NotFound, "open bucket", missing));
                }
                BucketSnapshotStore::open(&folder, cluster).await?
            }
            (Place::Remote(remote), options) => {
                let store =
                    blocking("open bucket", move || remote::open(&remote, &options)).await?;
                BucketSnapshotStore::on(store, cluster)
            }
        }))
    }

    fn scratch(&self, table: &toml::Table, context: &OpenContext, name: &str) -> Result<Scratch> {
        // Every cluster of a bucket has a fingerprint of its own there: the place has to be apart as well.
        let name = format!("{name}.{}", context.cluster);
        let url = match load(table, context)?.0 {
            Place::Folder(folder) => scratch::folder(&folder, &name)?,
            Place::Remote(remote) => remote.below(&scratch::word(&name)).url(),
        };
        let mut table = table.clone();
        table.insert("url".into(), url.into());
        Ok(Scratch {
            table,
            context: scratch::context(context),
        })
    }

    async fn remove_scratch(&self, scratch: &Scratch) -> Result<()> {
        match load(&scratch.table, &scratch.context)? {
            (Place::Folder(folder), _) => {
                blocking("remove scratch place", move || {
                    scratch::remove_folder(&folder)
                })
                .await
            }
            (Place::Remote(remote), options) => {
                if !remote.prefix.filename().is_some_and(scratch::is_word) {
                    return Err(scratch::no_scratch(&remote.url()));
                }
                remote::delete_all(&remote, &options, scratch.context.cluster.as_str()).await
            }
        }
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
