use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use standfast_core::{ErrorKind, Result};
use tokio::task;

use super::error::fail;
use super::local::LocalDirs;
use super::patience::Patience;

/// How often a create whose answer was lost is sent.
const ATTEMPTS: u32 = 6;
/// The pause after the first of them; it doubles.
const PAUSE: Duration = Duration::from_millis(10);

/// Objects by name: create-if-absent whose outcome is never in doubt, reading, listing, deleting.
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    local: Option<Arc<LocalDirs>>,
    patience: Patience,
}

/// A store may print its keys.
impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Objects({})", self.store)
    }
}

/// What became of a create.
#[derive(Debug)]
pub(super) enum Created {
    /// These bytes lie there, durably, by our doing or by that of somebody who wrote the same.
    Ours,
    /// Other bytes lie there.
    Theirs(Bytes),
}

impl Objects {
    pub(super) fn new(store: Arc<dyn ObjectStore>, local: Option<LocalDirs>) -> Self {
        let patience = match local {
            Some(_) => Patience::Endless,
            None => Patience::Limited,
        };
        Self {
            store,
            local: local.map(Arc::new),
            patience,
        }
    }

    /// Creates an object. Whatever else the store answers (409, 412, a 500 after the write, nothing), what lies
    /// there is read back and decides; when nothing does, the same bytes are sent again.
    pub(super) async fn create(&self, path: &Path, bytes: Bytes) -> Result<Created> {
        self.ensure_parent(path).await?;
        let mut pause = PAUSE;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let options = PutOptions::from(PutMode::Create);
            let put = self.store.put_opts(path, bytes.clone().into(), options);
            let size = bytes.len() as u64;
            let put = self.patience.wait(("create", path.as_ref()), size, put);
            let Err(error) = put.await else {
                return Ok(Created::Ours);
            };
            let refused = [ErrorKind::Auth, ErrorKind::Unsupported, ErrorKind::Config];
            if refused.contains(error.kind()) {
                return Err(error);
            }
            match self.get(path).await {
                Ok(Some(there)) if there == bytes => {
                    self.sync_entry(path).await?;
                    return Ok(Created::Ours);
                }
                Ok(Some(there)) => return Ok(Created::Theirs(there)),
                Ok(None) => last = Some(error),
                Err(error) => last = Some(error),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        let error = last.expect("at least one attempt failed");
        let kind = match error.kind() {
            ErrorKind::Quota => ErrorKind::Quota,
            _ => ErrorKind::Unavailable,
        };
        Err(error
            .with_kind(kind)
            .context(format!("no answer in {ATTEMPTS} attempts")))
    }

    /// Creates an object that is there, for the probe: without a look at what is there.
    ///
    /// # Errors
    /// `AlreadyExists`, as it should be; else what the store says after some tries.
    pub(super) async fn create_again(&self, path: &Path, bytes: Bytes) -> Result<()> {
        let mut pause = PAUSE;
        let mut tries = 1;
        loop {
            let options = PutOptions::from(PutMode::Create);
            let put = self.store.put_opts(path, bytes.clone().into(), options);
            let put = self.patience.wait(("create", path.as_ref()), 0, put).await;
            match put {
                Err(error) if *error.kind() == ErrorKind::Unavailable && tries < ATTEMPTS => {}
                told => return told.map(drop),
            }
            tokio::time::sleep(pause).await;
            (pause, tries) = (pause * 2, tries + 1);
        }
    }

    /// Writes an object that nothing is decided by: a pin, the hint.
    pub(super) async fn replace(&self, path: &Path, bytes: Bytes) -> Result<()> {
        self.ensure_parent(path).await?;
        let size = bytes.len() as u64;
        let put = self.store.put(path, bytes.into());
        let put = self.patience.wait(("write", path.as_ref()), size, put);
        put.await.map(drop)
    }

    /// The bytes of an object, if it is there.
    pub(super) async fn get(&self, path: &Path) -> Result<Option<Bytes>> {
        let of = ("read", path.as_ref());
        let found = match self.patience.wait(of, 0, self.store.get(path)).await {
            Ok(found) => found,
            Err(error) => return not_found_is_none(error),
        };
        let size = found.meta.size;
        self.patience.wait(of, size, found.bytes()).await.map(Some)
    }

    /// Whatever is known of an object beside its bytes, if it is there.
    pub(super) async fn head(&self, path: &Path) -> Result<Option<ObjectMeta>> {
        let of = ("look up", path.as_ref());
        match self.patience.wait(of, 0, self.store.head(path)).await {
            Ok(meta) => Ok(Some(meta)),
            // Nothing stands below the head of an answer that would say why: the answer to a read says it.
            Err(error) if *error.kind() == ErrorKind::Auth => {
                Err(self.get(path).await.err().unwrap_or(error))
            }
            Err(error) => not_found_is_none(error),
        }
    }

    /// Everything below a folder, by name.
    pub(super) async fn list(&self, folder: &Path) -> Result<Vec<ObjectMeta>> {
        self.sorted(folder, self.store.list(Some(folder))).await
    }

    /// Everything below a folder whose name comes after `offset`, by name.
    pub(super) async fn list_after(&self, folder: &Path, offset: &Path) -> Result<Vec<ObjectMeta>> {
        let listed = self.store.list_with_offset(Some(folder), offset);
        self.sorted(folder, listed).await
    }

    /// Deletes an object; returns whether it was there.
    pub(super) async fn delete(&self, path: &Path) -> Result<bool> {
        let of = ("delete", path.as_ref());
        match self.patience.wait(of, 0, self.store.delete(path)).await {
            Ok(()) => Ok(true),
            Err(error) => not_found_is_none::<()>(error).map(|gone| gone.is_some()),
        }
    }

    /// What is listed, by name. Each page has its time, however many there are.
    async fn sorted(
        &self,
        folder: &Path,
        mut listed: BoxStream<'static, object_store::Result<ObjectMeta>>,
    ) -> Result<Vec<ObjectMeta>> {
        let of = ("list", folder.as_ref());
        let mut found = Vec::new();
        while let Some(meta) = self.patience.wait(of, 0, listed.try_next()).await? {
            found.push(meta);
        }
        found.sort_by(|a, b| a.location.cmp(&b.location));
        Ok(found)
    }

    /// Makes a folder exist, where folders exist.
    pub(super) async fn ensure_folder(&self, folder: Path) -> Result<()> {
        self.locally(move |local| local.ensure_folder(&folder))
            .await
    }

    /// Removes what killed writers left in a folder that nobody writes any more.
    pub(super) async fn sweep(&self, folder: Path) -> Result<u64> {
        let Some(local) = self.local.clone() else {
            return Ok(0);
        };
        blocking(move || local.sweep(&folder)).await
    }

    /// The folders in a folder, where there are folders.
    pub(super) async fn folders(&self, folder: Path) -> Result<Vec<String>> {
        let Some(local) = self.local.clone() else {
            return Ok(Vec::new());
        };
        blocking(move || local.folders(&folder)).await
    }

    /// Removes what killed writers left in a folder before `before`, which counts from 1970.
    pub(super) async fn sweep_old(&self, folder: Path, before: Duration) -> Result<u64> {
        let Some(local) = self.local.clone() else {
            return Ok(0);
        };
        blocking(move || local.sweep_old(&folder, before)).await
    }

    async fn ensure_parent(&self, path: &Path) -> Result<()> {
        let path = path.clone();
        self.locally(move |local| local.ensure_parent(&path)).await
    }

    async fn sync_entry(&self, path: &Path) -> Result<()> {
        let path = path.clone();
        self.locally(move |local| local.sync_entry(&path)).await
    }

    async fn locally(
        &self,
        call: impl FnOnce(&LocalDirs) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let Some(local) = self.local.clone() else {
            return Ok(());
        };
        blocking(move || call(&local)).await
    }
}

/// Runs file-system calls off the async workers.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    task::spawn_blocking(call).await.map_err(|source| {
        fail(
            ErrorKind::Closed,
            "call the file system",
            "the runtime is shutting down",
        )
        .source(source)
    })?
}

fn not_found_is_none<T>(error: standfast_core::Error) -> Result<Option<T>> {
    match error.kind() {
        ErrorKind::NotFound => Ok(None),
        _ => Err(error),
    }
}
