use std::sync::Arc;

use async_trait::async_trait;
use rocksdb::WriteBatch;

use super::claim::Role;
use super::database::meta;
use super::error::{NAME, error};
use super::layout::cut_key;
use super::oplog::capabilities;
use super::options::synced;
use super::space::Space;
use super::usage;
use super::writer::RocksDbWriter;
use standfast_core::{
    Batch, Epoch, ErrorKind, FenceToken, FollowerWriter, Position, Result, Seq, admit_verbatim,
};

/// Fills the database with the batches of a primary whose own log is elsewhere.
///
/// It holds the lock as a writer does. A cut is the deletion of a range in the write of the next batch (R6).
#[derive(Debug)]
pub(super) struct RocksDbFollower {
    space: Arc<Space>,
    epoch: Epoch,
    writer: RocksDbWriter,
    /// The Position that the next batch cuts the log back to.
    cut: Option<Position>,
    /// Whether something of the promised epoch was stored since it was opened.
    stored: bool,
}

impl RocksDbFollower {
    /// Promises the epoch of `token`.
    pub(super) fn open(space: Arc<Space>, token: &FenceToken) -> Result<Self> {
        let grant = space.claim(token, Role::Follower, "open follower")?;
        Ok(Self {
            writer: RocksDbWriter::new(Arc::clone(&space), token.epoch, grant),
            space,
            epoch: token.epoch,
            cut: None,
            stored: false,
        })
    }

    /// What lies behind `position`, all of it not committed.
    fn behind(&self, position: Position, committed: Seq) -> Result<Vec<Batch>> {
        let (known, found) = self.space.look("cut log", |view| {
            let behind = || view.batches_from(position.seq.next()).collect();
            let found: Result<Vec<Batch>> = view.find(position).and_then(|()| behind());
            Ok((view.committed()?, found))
        })?;
        let committed = committed.max(known.seq);
        if position.seq < committed {
            return Err(refuse(format!(
                "behind {position} seq {committed} is committed"
            )));
        }
        found.map_err(|source| match source.kind() {
            ErrorKind::LogRegressed | ErrorKind::Trimmed { .. } => {
                refuse(format!("{position} is not in this log")).source(source)
            }
            _ => source,
        })
    }

    fn save(&mut self, cut: &[Batch]) -> Result<String> {
        let epoch = self.epoch;
        self.writer
            .write("cut log", &synced(), |db, write: &mut WriteBatch| {
                for batch in cut {
                    let key = cut_key(epoch, batch.first());
                    write.put_cf(meta(db), key, batch.frame());
                }
            })?;
        let dir = self.space.dir().display();
        Ok(format!("{dir}: cuts/{:020}", epoch.0))
    }
}

fn refuse(why: String) -> standfast_core::Error {
    error(ErrorKind::Invalid, "cut log").context(why)
}

#[async_trait]
impl FollowerWriter for RocksDbFollower {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn tail(&self) -> Position {
        self.cut.unwrap_or_else(|| self.writer.end())
    }

    async fn append_verbatim(&mut self, batches: &[Batch]) -> Result<Position> {
        self.writer.refuse_poisoned("append")?;
        let batches = match batches {
            [first, rest @ ..] if first.end() == self.tail() => rest,
            all => all,
        };
        let (mut tail, mut bytes) = (self.tail(), 0);
        for batch in batches {
            admit_verbatim(batch, self.epoch, tail, &capabilities())
                .map_err(|error| error.backend(NAME))?;
            tail = batch.end();
            bytes += batch.frame().len() as u64;
        }
        if batches.is_empty() {
            return Ok(tail);
        }
        // The reserve is for terms to begin with.
        usage::check_room(self.space.dir(), bytes)?;
        let end = self.writer.store(batches, self.cut)?;
        (self.cut, self.stored) = (None, true);
        Ok(end)
    }

    async fn sync(&mut self) -> Result<()> {
        // What was found was written to synced files when the database was opened.
        self.writer.refuse_poisoned("sync")
    }

    async fn mark_committed(&mut self) -> Result<()> {
        if self.cut.is_some() {
            // What would be marked is about to go.
            return self.writer.refuse_poisoned("mark committed");
        }
        self.writer.mark()
    }

    async fn cut_after(&mut self, position: Position, committed: Seq) -> Result<Option<String>> {
        self.writer.refuse_poisoned("cut log")?;
        if self.stored {
            return Err(refuse(format!(
                "batches of epoch {} were stored already",
                self.epoch
            )));
        }
        let cut = self.behind(position, committed)?;
        if cut.is_empty() {
            self.cut = None;
            return Ok(None);
        }
        // Of an earlier opening.
        if cut.iter().any(|batch| batch.epoch() == self.epoch) {
            return Err(refuse(format!(
                "what lies behind {position} was filled by the primary that is followed"
            )));
        }
        let saved = self.save(&cut)?;
        self.cut = Some(position);
        Ok(Some(saved))
    }
}
