//! A store between the code and the store: counts every call, dies at one, or freezes there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use standfast_core::{
    Attestation, CatalogEntry, Error, ErrorKind, FenceToken, Fingerprint, Manifest, PartRef, Pin,
    Result, Section, Seq, Server, SnapshotCapabilities, SnapshotId, SnapshotReader, SnapshotStore,
    SnapshotUpload, Store, UploadId, Won,
};
use tokio::sync::Semaphore;

/// What happens at which call, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The process dies before the call reaches the store.
    DieBefore(usize),
    /// The process dies after the store did it: the answer is lost.
    DieAfter(usize),
    /// This one call gets no answer, and does nothing.
    Unavailable(usize),
    /// The process stands still before the call, until it is thawed.
    FreezeBefore(usize),
    /// Every call from this one on stands still until it is thawed.
    FreezeFrom(usize),
}

/// What the layer knows of all calls.
#[derive(Debug)]
pub(crate) struct Calls {
    fault: Fault,
    count: AtomicUsize,
    dead: AtomicBool,
    frozen: Semaphore,
    thawed: Semaphore,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

impl Calls {
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// The largest number of part reads or writes that were under way at once.
    pub(crate) fn most_parts(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    pub(crate) fn died(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Waits until the call is reached at which everything stands still.
    pub(crate) async fn frozen(&self) {
        self.frozen.acquire().await.unwrap().forget();
    }

    pub(crate) fn thaw(&self) {
        self.thawed.add_permits(1);
    }

    pub(crate) fn thaw_all(&self) {
        self.thawed.add_permits(1 << 20);
    }

    async fn around<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let at = self.count.fetch_add(1, Ordering::SeqCst);
        if self.fault == Fault::DieBefore(at) {
            self.dead.store(true, Ordering::SeqCst);
        }
        self.alive()?;
        if self.fault == Fault::Unavailable(at) {
            return Err(Error::new(ErrorKind::Unavailable, "any").context("no answer"));
        }
        let freezes = match self.fault {
            Fault::FreezeBefore(call) => at == call,
            Fault::FreezeFrom(call) => at >= call,
            _ => false,
        };
        if freezes {
            self.frozen.add_permits(1);
            self.thawed.acquire().await.unwrap().forget();
        }
        let answer = call.await;
        if self.fault == Fault::DieAfter(at) {
            self.dead.store(true, Ordering::SeqCst);
        }
        self.alive()?;
        answer
    }

    async fn part<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let answer = self.around(call).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        answer
    }

    fn alive(&self) -> Result<()> {
        if self.died() {
            return Err(Error::new(ErrorKind::Unavailable, "any").context("the process died"));
        }
        Ok(())
    }
}

/// The layer.
#[derive(Debug)]
pub(crate) struct Interposed {
    inner: Arc<dyn SnapshotStore>,
    calls: Arc<Calls>,
}

/// A store with a fault in front of it.
pub(crate) fn interpose(
    inner: &Arc<dyn SnapshotStore>,
    fault: Fault,
) -> (Arc<dyn SnapshotStore>, Arc<Calls>) {
    let calls = Arc::new(Calls {
        fault,
        count: AtomicUsize::new(0),
        dead: AtomicBool::new(false),
        frozen: Semaphore::new(0),
        thawed: Semaphore::new(0),
        under_way: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    });
    let store = Interposed {
        inner: Arc::clone(inner),
        calls: Arc::clone(&calls),
    };
    (Arc::new(store), calls)
}

struct Upload {
    inner: Box<dyn SnapshotUpload>,
    calls: Arc<Calls>,
}

struct Reader {
    inner: Box<dyn SnapshotReader>,
    calls: Arc<Calls>,
}

#[async_trait]
impl SnapshotUpload for Upload {
    fn id(&self) -> &UploadId {
        self.inner.id()
    }

    async fn put_part(
        &self,
        bytes: Bytes,
        rows: u64,
        sections: (Section, Section),
    ) -> Result<PartRef> {
        let call = self.inner.put_part(bytes, rows, sections);
        self.calls.part(call).await
    }
}

#[async_trait]
impl SnapshotReader for Reader {
    fn manifest(&self) -> &Manifest {
        self.inner.manifest()
    }

    async fn read_part(&self, part: &PartRef) -> Result<Bytes> {
        self.calls.part(self.inner.read_part(part)).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for Interposed {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        self.calls.around(self.inner.fingerprint()).await
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        self.calls.around(self.inner.init(cluster)).await
    }

    async fn probe(&self) -> Result<()> {
        self.calls.around(self.inner.probe()).await
    }

    async fn servers(&self) -> Result<Vec<Server>> {
        self.calls.around(self.inner.servers()).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SnapshotStore for Interposed {
    fn capabilities(&self) -> SnapshotCapabilities {
        self.inner.capabilities()
    }

    async fn newest(&self) -> Result<Option<CatalogEntry>> {
        self.calls.around(self.inner.newest()).await
    }

    async fn begin(&self) -> Result<Box<dyn SnapshotUpload>> {
        let inner = self.calls.around(self.inner.begin()).await?;
        let calls = Arc::clone(&self.calls);
        Ok(Box::new(Upload { inner, calls }))
    }

    async fn propose(&self, manifest: &Manifest) -> Result<()> {
        self.calls.around(self.inner.propose(manifest)).await
    }

    async fn proposals(&self) -> Result<Vec<SnapshotId>> {
        self.calls.around(self.inner.proposals()).await
    }

    async fn attest(&self, attestation: &Attestation) -> Result<()> {
        self.calls.around(self.inner.attest(attestation)).await
    }

    async fn attested(&self, id: &SnapshotId) -> Result<Option<Attestation>> {
        self.calls.around(self.inner.attested(id)).await
    }

    async fn win_entry(&self, token: &FenceToken, next: CatalogEntry) -> Result<Won> {
        self.calls.around(self.inner.win_entry(token, next)).await
    }

    async fn open(&self, id: &SnapshotId) -> Result<Box<dyn SnapshotReader>> {
        let inner = self.calls.around(self.inner.open(id)).await?;
        let calls = Arc::clone(&self.calls);
        Ok(Box::new(Reader { inner, calls }))
    }

    async fn verify(&self, id: &SnapshotId) -> Result<()> {
        self.calls.around(self.inner.verify(id)).await
    }

    async fn pin(&self, id: &SnapshotId, seq: Seq, holder: &str) -> Result<()> {
        self.calls.around(self.inner.pin(id, seq, holder)).await
    }

    async fn unpin(&self, id: &SnapshotId, holder: &str) -> Result<()> {
        self.calls.around(self.inner.unpin(id, holder)).await
    }

    async fn pins(&self) -> Result<Vec<Pin>> {
        self.calls.around(self.inner.pins()).await
    }

    async fn collect(&self, entry: &CatalogEntry) -> Result<u64> {
        self.calls.around(self.inner.collect(entry)).await
    }
}
