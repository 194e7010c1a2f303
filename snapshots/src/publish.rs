use std::num::NonZero;
use std::sync::Arc;

use bytes::Bytes;
use standfast_core::{
    Captured, Error, ErrorKind, MANIFEST_COMPLETE, MOST_LAYERS, Manifest, NodeId, PartRef,
    Position, Result, Section, SharedMachine, SnapshotId, SnapshotStore, SnapshotUpload,
    wall_clock_ms,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::{self, JoinSet};

use crate::capture::{Loaded, OpenCapture, What};
use crate::metrics;
use crate::policy::SnapshotPolicy;
use crate::restore::is_damage;

/// When what was captured counts as committed.
#[derive(Clone, Debug)]
pub enum Committed {
    /// It is: a standby applies committed batches only.
    Already,
    /// When the watermark reaches it: a primary's state runs ahead of its log.
    When(watch::Receiver<Position>),
}

/// Turns captures into proposals in a snapshot store.
///
/// ```text
///   state ──section by section──▶ parts, at most 16 MiB ──▶ zstd ──▶ put_part  reading: one blocking thread
///          lock < 1 ms each        (bounded)          (parallel, bounded)     the rest: owned tasks
///                                        all stored ∧ committed ──▶ propose    a manifest; harmless
/// ```
#[derive(Clone, Debug)]
pub struct Publisher {
    store: Arc<dyn SnapshotStore>,
    node: NodeId,
    policy: SnapshotPolicy,
    layers: bool,
}

impl Publisher {
    /// A publisher for this node.
    pub const fn new(store: Arc<dyn SnapshotStore>, node: NodeId, policy: SnapshotPolicy) -> Self {
        Self {
            store,
            node,
            policy,
            layers: true,
        }
    }

    /// Makes complete snapshots only, which share no part with another.
    #[must_use]
    pub const fn without_layers(mut self) -> Self {
        self.layers = false;
        self
    }

    /// The store it publishes into.
    pub const fn store(&self) -> &Arc<dyn SnapshotStore> {
        &self.store
    }

    pub(crate) const fn policy(&self) -> &SnapshotPolicy {
        &self.policy
    }

    pub(crate) const fn node(&self) -> &NodeId {
        &self.node
    }

    /// Uploads what was captured and, when it is committed, proposes it. The capture is ended in every case.
    ///
    /// What changed is uploaded alone, as a layer on the newest snapshot listed, when that is the capture's base, is
    /// verified, has fewer than [`MOST_LAYERS`] layers, and no more than 30 % of the rows changed since its own base.
    ///
    /// Memory: `policy.memory`, whatever the size of the state; more only if one section is larger than a part.
    ///
    /// # Errors
    /// Those of the store; `Closed` when the term ended before the capture was committed (nothing was proposed);
    /// `Cancelled` when the state was replaced meanwhile.
    ///
    /// # Durability
    /// All parts, then the manifest, are durable on `Ok`.
    ///
    /// # Cancel safety
    /// Cancel safe: parts that nothing refers to may stay until they are collected; a manifest may have been proposed.
    pub async fn publish(
        &self,
        captured: Captured,
        machine: &SharedMachine,
        committed: Committed,
    ) -> Result<Manifest> {
        let started = tokio::time::Instant::now();
        let open = OpenCapture::new(machine, &captured);
        let publishing = self.publish_open(&captured, open, committed);
        let published = Box::pin(publishing).await;
        if published.is_ok() {
            machine.lock().rebase(captured.id);
        }
        metrics::published(&published, started.elapsed());
        published
    }

    async fn publish_open(
        &self,
        captured: &Captured,
        open: OpenCapture,
        committed: Committed,
    ) -> Result<Manifest> {
        let previous = self.previous(captured).await?;
        let upload: Arc<dyn SnapshotUpload> = Arc::from(self.store.begin().await?);
        let what = match previous {
            None => What::Everything,
            Some(_) => What::Changes,
        };
        let part_size = self.policy.part_size_of(captured.rows);
        let parts = self.upload(open, what, part_size, &upload).await?;
        let complete = Manifest {
            format: MANIFEST_COMPLETE,
            cluster: captured.cluster,
            id: SnapshotId::new(captured.position.seq, upload.id().random),
            position: captured.position,
            producer: self.node.clone(),
            created_ms: wall_clock_ms(),
            stamp_ms: captured.stamp_ms,
            digest: captured.digest,
            versions: captured.versions,
            parts,
            base: None,
            layers: Vec::new(),
        };
        let manifest = match previous {
            None => complete,
            Some(previous) => complete.on(previous),
        };
        wait_committed(committed, captured.position).await?;
        self.store.propose(&manifest).await?;
        Ok(manifest)
    }

    /// The snapshot on which what was captured is told as a layer.
    async fn previous(&self, captured: &Captured) -> Result<Option<Manifest>> {
        let Some(base) = captured.base.filter(|_| self.layers) else {
            return Ok(None);
        };
        let newest = self.store.newest().await?;
        let listed = newest.as_ref().and_then(|entry| entry.newest());
        let Some(listed) =
            listed.filter(|listed| listed.verified && listed.position == base.position)
        else {
            return Ok(None);
        };
        let manifest = match self.store.open(&listed.id).await {
            Ok(reader) => reader.manifest().clone(),
            Err(error) if is_damage(&error) => {
                tracing::warn!(%error, snapshot = %listed.id, "no layer on a snapshot that is damaged");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let layered = manifest.parts.iter().take(manifest.layer_parts());
        let changed = base.changed + layered.map(|part| part.rows).sum::<u64>();
        let fits = manifest.layers.len() < MOST_LAYERS
            && manifest.versions == captured.versions
            && changed <= captured.rows / 10 * 3;
        Ok(fits.then_some(manifest))
    }

    /// Reads, compresses and stores all parts; gives them in the order of restore. The capture has ended when this
    /// returns, whatever it returns.
    async fn upload(
        &self,
        open: OpenCapture,
        what: What,
        part_size: usize,
        upload: &Arc<dyn SnapshotUpload>,
    ) -> Result<Vec<PartRef>> {
        let slots = Arc::new(Semaphore::new(self.policy.slots()));
        let (sender, receiver) = mpsc::channel(1);
        let reading = task::spawn_blocking(move || open.read(what, part_size, &slots, &sender));
        let stored = self.store_parts(receiver, upload).await;
        joined(reading.await)??;
        let mut stored = stored?;
        stored.sort_unstable_by_key(|(index, _)| *index);
        Ok(stored.into_iter().map(|(_, part)| part).collect())
    }

    /// Compresses and stores what is received. Dropping the receiver, at the first error, ends the reading.
    async fn store_parts(
        &self,
        mut receiver: mpsc::Receiver<Loaded>,
        upload: &Arc<dyn SnapshotUpload>,
    ) -> Result<Vec<(usize, PartRef)>> {
        let mut uploads = JoinSet::new();
        let mut stored = Vec::new();
        // More at once would be no quicker, and would take turns with the threads that serve.
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let processors = Arc::new(Semaphore::new(processors));
        loop {
            // Both arms are cancel safe: a part that was not received stays in the channel, an upload that was not
            // joined stays in the set.
            tokio::select! {
                loaded = receiver.recv() => match loaded {
                    Some(loaded) => {
                        let part = compress(loaded, self.policy.level, Arc::clone(&processors));
                        let upload = Arc::clone(upload);
                        uploads.spawn(async move { store_part(part.await?, upload).await });
                    }
                    None => break,
                },
                Some(done) = uploads.join_next() => stored.push(joined(done)??),
            }
        }
        while let Some(done) = uploads.join_next().await {
            stored.push(joined(done)??);
        }
        Ok(stored)
    }
}

/// A part that is ready to be stored.
struct Compressed {
    index: usize,
    stored: Bytes,
    rows: u64,
    sections: (Section, Section),
    slot: OwnedSemaphorePermit,
}

async fn compress(loaded: Loaded, level: i32, processors: Arc<Semaphore>) -> Result<Compressed> {
    let Loaded { index, part, slot } = loaded;
    let (rows, sections) = (part.rows, part.sections);
    let processor = processors
        .acquire_owned()
        .await
        .map_err(|source| Error::new(ErrorKind::Closed, "compress part").source(source))?;
    let stored: Result<Bytes> = joined(
        task::spawn_blocking(move || {
            let stored = part.compress(level);
            drop(processor);
            stored
        })
        .await,
    )?;
    Ok(Compressed {
        index,
        stored: stored?,
        rows,
        sections,
        slot,
    })
}

async fn store_part(part: Compressed, upload: Arc<dyn SnapshotUpload>) -> Result<(usize, PartRef)> {
    let stored = upload.put_part(part.stored, part.rows, part.sections);
    let stored = stored.await?;
    drop(part.slot);
    Ok((part.index, stored))
}

async fn wait_committed(committed: Committed, position: Position) -> Result<()> {
    let Committed::When(mut watermark) = committed else {
        return Ok(());
    };
    let reached = watermark
        .wait_for(|committed| committed.seq >= position.seq)
        .await;
    match reached {
        Ok(_) => Ok(()),
        Err(source) => Err(Error::new(ErrorKind::Closed, "publish")
            .context(format!(
                "the term ended before seq {} was committed; nothing was proposed",
                position.seq
            ))
            .source(source)),
    }
}

/// The value of a task that is ours: it can only be missing because the runtime ends, or because it panicked.
pub(crate) fn joined<T>(done: Result<T, task::JoinError>) -> Result<T> {
    done.map_err(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(source) => Error::new(ErrorKind::Closed, "join task").source(source),
    })
}
