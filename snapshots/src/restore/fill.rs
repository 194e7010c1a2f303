use std::collections::BTreeMap;
use std::sync::Arc;

use standfast_core::{Machine, MachineRestore, Manifest, PartRef, Result, RowSum, SnapshotReader};
use tokio::task::{self, JoinSet};

use crate::capture::What;
use crate::part::{decompress, read_sections};
use crate::policy::SnapshotPolicy;
use crate::publish::joined;

/// How far a restore has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Stored bytes read and loaded so far.
    pub done_bytes: u64,
    /// Stored bytes in all.
    pub total_bytes: u64,
    /// Rows loaded so far.
    pub rows: u64,
}

/// Takes the parts of a snapshot in the order of restore.
pub(super) trait Sink: Send + 'static {
    /// Refuses a snapshot before anything of it is read.
    fn check(&self, manifest: &Manifest) -> Result<()>;

    /// Takes one decompressed part, of rows or of changes.
    fn take(&mut self, raw: &[u8], what: What) -> Result<()>;
}

/// Fills a state.
#[derive(Debug)]
pub(super) struct StateSink(pub(super) MachineRestore);

/// Sums up the digest and keeps no row.
#[derive(Debug)]
pub(super) struct DigestSink(pub(super) RowSum);

impl Sink for StateSink {
    fn check(&self, manifest: &Manifest) -> Result<()> {
        self.0.check(manifest)
    }

    fn take(&mut self, raw: &[u8], what: What) -> Result<()> {
        let mut sections = Vec::new();
        read_sections(raw, |section, _, rows| {
            sections.push((section, rows));
            Ok(())
        })?;
        match what {
            What::Everything => self.0.load_all(&sections),
            What::Changes => sections
                .into_iter()
                .try_for_each(|(section, rows)| self.0.load_changes(section, rows)),
        }
    }
}

impl Sink for DigestSink {
    fn check(&self, manifest: &Manifest) -> Result<()> {
        self.0.check(manifest)
    }

    fn take(&mut self, raw: &[u8], what: What) -> Result<()> {
        read_sections(raw, |section, _, rows| match what {
            What::Everything => self.0.add(section, rows),
            What::Changes => self.0.add_changes(section, rows),
        })
    }
}

/// Reads all parts into a sink: downloads and decompresses several at once, loads one after the other.
///
/// At most `policy.slots()` parts are in memory, from the download's start until they were loaded.
pub(super) async fn fill<S: Sink>(
    reader: &Arc<dyn SnapshotReader>,
    mut sink: S,
    policy: &SnapshotPolicy,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<S> {
    sink.check(reader.manifest())?;
    reader.manifest().check_layers()?;
    let layer_parts = reader.manifest().layer_parts();
    let parts = reader.manifest().parts.clone();
    let mut so_far = Progress {
        total_bytes: reader.manifest().bytes(),
        ..Progress::default()
    };
    progress(so_far);
    let mut queue = parts.iter().cloned().enumerate();
    let mut tasks = JoinSet::new();
    let mut ready = BTreeMap::new();
    for (index, part) in parts.iter().enumerate() {
        while tasks.len() + ready.len() < policy.slots()
            && let Some((at, part)) = queue.next()
        {
            tasks.spawn(download(Arc::clone(reader), at, part));
        }
        let raw = loop {
            if let Some(raw) = ready.remove(&index) {
                break raw;
            }
            let done = tasks.join_next().await.expect("this part is under way");
            let (at, raw): (usize, Vec<u8>) = joined(done)??;
            ready.insert(at, raw);
        };
        let what = if index < layer_parts {
            What::Changes
        } else {
            What::Everything
        };
        let named = name(reader.manifest(), part);
        sink = joined(
            task::spawn_blocking(move || {
                sink.take(&raw, what)
                    .map(|()| sink)
                    .map_err(|e| e.context(named))
            })
            .await,
        )??;
        so_far.done_bytes += part.size;
        so_far.rows += part.rows;
        progress(so_far);
    }
    Ok(sink)
}

async fn download(
    reader: Arc<dyn SnapshotReader>,
    index: usize,
    part: PartRef,
) -> Result<(usize, Vec<u8>)> {
    let stored = reader.read_part(&part).await?;
    let raw = joined(task::spawn_blocking(move || decompress(&stored)).await)?;
    let raw = raw.map_err(|error| error.context(name(reader.manifest(), &part)))?;
    Ok((index, raw))
}

fn name(manifest: &Manifest, part: &PartRef) -> String {
    format!(
        "snapshot {}, part {}/{}",
        manifest.id, part.upload, part.blake3
    )
}

/// The state, when its digest is the manifest's.
pub(super) async fn finish(sink: StateSink, manifest: &Manifest) -> Result<Machine> {
    let manifest = manifest.clone();
    joined(task::spawn_blocking(move || sink.0.finish(&manifest)).await)?
}
