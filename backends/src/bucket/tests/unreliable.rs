use std::collections::VecDeque;
use std::fmt;
use std::path::Path as FilePath;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error as StoreError, GetOptions, GetResult, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result as StoreResult,
};
use parking_lot::Mutex;
use standfast_core::Store;
use tempfile::TempDir;

use super::line::{Line, lost};
use super::support::cluster;
use crate::bucket::BucketSnapshotStore;

/// What happens to the next create.
#[derive(Clone, Copy, Debug)]
pub(super) enum PutFault {
    /// Done, and the answer is lost.
    LoseAnswer,
    /// Done, and the gateway says that it exists: its retry met its own first try.
    SayExists,
    /// Not done, and the gateway says that it exists (HTTP 409 under contention).
    Conflict,
    /// Not done, and a server error.
    Fail,
    /// Done whether or not it exists: the condition is ignored.
    IgnoreCondition,
    /// Done, in a bucket that was emptied just before.
    Emptied,
}

/// An object store with faults, over another and a [`Line`].
#[derive(Clone)]
pub(super) struct Unreliable {
    inner: Arc<dyn ObjectStore>,
    line: Arc<Line>,
    faults: Arc<Mutex<VecDeque<PutFault>>>,
}

impl Unreliable {
    pub(super) fn over(folder: &FilePath, line: &Arc<Line>) -> Self {
        Self::around(
            Arc::new(LocalFileSystem::new_with_prefix(folder).unwrap()),
            line,
        )
    }

    pub(super) fn around(inner: Arc<dyn ObjectStore>, line: &Arc<Line>) -> Self {
        Self {
            inner,
            line: Arc::clone(line),
            faults: Arc::default(),
        }
    }

    /// A bucket over it, initialised, and the faults to come.
    pub(super) async fn bucket(
        folder: &TempDir,
    ) -> (BucketSnapshotStore, Arc<Mutex<VecDeque<PutFault>>>) {
        let unreliable = Self::over(folder.path(), &Arc::default());
        let faults = Arc::clone(&unreliable.faults);
        let store = BucketSnapshotStore::over(Arc::new(unreliable), None, "c");
        store.init(cluster()).await.unwrap();
        (store, faults)
    }

    async fn put(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> StoreResult<PutResult> {
        let fault = match opts.mode {
            PutMode::Create => self.faults.lock().pop_front(),
            _ => None,
        };
        match fault {
            None => self.inner.put_opts(location, payload, opts).await,
            Some(PutFault::Conflict) => Err(exists(location)),
            Some(PutFault::Fail) => Err(lost()),
            Some(PutFault::LoseAnswer) => {
                drop(self.inner.put_opts(location, payload, opts).await);
                Err(lost())
            }
            Some(PutFault::SayExists) => {
                drop(self.inner.put_opts(location, payload, opts).await);
                Err(exists(location))
            }
            Some(PutFault::Emptied) => {
                let all: Vec<_> = self.inner.list(None).try_collect().await?;
                for meta in all {
                    self.inner.delete(&meta.location).await?;
                }
                self.inner.put_opts(location, payload, opts).await
            }
            Some(PutFault::IgnoreCondition) => {
                let opts = PutOptions::from(PutMode::Overwrite);
                self.inner.put_opts(location, payload, opts).await
            }
        }
    }
}

fn exists(path: &Path) -> StoreError {
    StoreError::AlreadyExists {
        path: path.to_string(),
        source: "409 Conflict".into(),
    }
}

impl fmt::Debug for Unreliable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unreliable")
    }
}

impl fmt::Display for Unreliable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unreliable")
    }
}

#[async_trait]
impl ObjectStore for Unreliable {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> StoreResult<PutResult> {
        self.line.call(self.put(location, payload, opts)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        let put = self.inner.put_multipart_opts(location, opts);
        self.line.call(put).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> StoreResult<GetResult> {
        self.line.call(self.inner.get_opts(location, options)).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        let this = self.clone();
        let delete = move |location: Path| {
            let this = this.clone();
            async move {
                let deleted = this.line.call(this.inner.delete(&location)).await;
                deleted.map(|()| location)
            }
        };
        locations.and_then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        let (this, prefix) = (self.clone(), prefix.cloned());
        let listed = async move {
            let listing = async {
                this.inner
                    .list(prefix.as_ref())
                    .try_collect::<Vec<_>>()
                    .await
            };
            this.line.call(listing).await
        };
        stream::once(listed)
            .map_ok(|listed| stream::iter(listed).map(Ok))
            .try_flatten()
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        let listing = self.inner.list_with_delimiter(prefix);
        self.line.call(listing).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.line
            .call(self.inner.copy_opts(from, to, options))
            .await
    }
}
