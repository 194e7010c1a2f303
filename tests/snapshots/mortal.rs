//! A process that dies between any two calls to its object store, or in the middle of a write, and the files that it
//! leaves.

use std::fmt;
use std::fs;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// When the process dies, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// When the object store has done this call, before it answers.
    After(usize),
    /// When half the bytes of this put are written, under the name that a put has while it is under way.
    Within(usize),
}

/// The life of one process.
#[derive(Debug)]
pub(crate) struct Life {
    death: Death,
    calls: AtomicUsize,
    puts: AtomicUsize,
    dead: AtomicBool,
}

impl Life {
    pub(crate) fn until(death: Death) -> Arc<Self> {
        Arc::new(Self {
            death,
            calls: AtomicUsize::new(0),
            puts: AtomicUsize::new(0),
            dead: AtomicBool::new(false),
        })
    }

    pub(crate) fn is_over(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    fn ends(&self) -> Error {
        self.dead.store(true, Ordering::SeqCst);
        // Of the kind that nobody tries again.
        Error::PermissionDenied {
            path: "any".to_owned(),
            source: "the process died".into(),
        }
    }

    /// Does a call, unless the process is dead, or dies of it.
    async fn live<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        if self.is_over() {
            return Err(self.ends());
        }
        let at = self.calls.fetch_add(1, Ordering::SeqCst);
        let answer = call.await;
        if self.is_over() || self.death == Death::After(at) {
            return Err(self.ends());
        }
        answer
    }
}

/// The object store of that process.
#[derive(Clone, Debug)]
pub(crate) struct Mortal {
    inner: Arc<LocalFileSystem>,
    root: PathBuf,
    life: Arc<Life>,
}

impl Mortal {
    pub(crate) fn new(root: &FilePath, life: &Arc<Life>) -> Self {
        Self {
            inner: Arc::new(LocalFileSystem::new_with_prefix(root).unwrap()),
            root: root.to_owned(),
            life: Arc::clone(life),
        }
    }

    fn leave_half(&self, location: &Path, payload: &PutPayload) {
        let whole = self.root.join(location.as_ref());
        fs::create_dir_all(whole.parent().unwrap()).unwrap();
        let bytes: Vec<u8> = payload.iter().flatten().copied().collect();
        let staged = format!("{}#1", whole.display());
        fs::write(staged, &bytes[..bytes.len() / 2]).unwrap();
    }
}

impl fmt::Display for Mortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mortal")
    }
}

#[async_trait]
impl ObjectStore for Mortal {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let put = async {
            let at = self.life.puts.fetch_add(1, Ordering::SeqCst);
            if self.life.death == Death::Within(at) {
                self.leave_half(location, &payload);
                return Err(self.life.ends());
            }
            self.inner.put_opts(location, payload, opts).await
        };
        self.life.live(put).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let put = self.inner.put_multipart_opts(location, opts);
        self.life.live(put).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.life.live(self.inner.get_opts(location, options)).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let this = self.clone();
        let delete = move |location: Path| {
            let this = this.clone();
            async move {
                let deleted = this.life.live(this.inner.delete(&location)).await;
                deleted.map(|()| location)
            }
        };
        locations.and_then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let life = Arc::clone(&self.life);
        let listed = self.inner.list(prefix).try_collect::<Vec<_>>();
        let listed = async move { life.live(listed).await };
        stream::once(listed)
            .map_ok(|listed| stream::iter(listed).map(Ok))
            .try_flatten()
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.life.live(self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.life
            .live(self.inner.copy_opts(from, to, options))
            .await
    }
}
