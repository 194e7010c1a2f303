mod desk;
mod file;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use standfast_core::{
    Batch, Epoch, EpochStart, Error, ErrorKind, Fingerprint, Machine, Position, Result, Seq,
};

use desk::{Desk, Next};
use file::HighWaterFile;

/// How long a node that stops waits for its last mark to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// The highest committed Position this node has seen, in `data_dir/high-water`: what tells a log that went backwards.
///
/// A thread of its own writes it, so that nobody who follows or leads waits for that disk: what is known here is in
/// the file a few syncs later, and a crash in between leaves the mark before.
#[derive(Debug)]
pub struct HighWater {
    position: Option<Position>,
    /// The newest one of the catalog, which lists nothing that is not committed. Not in the file: what a bucket says
    /// lasts as long as the bucket.
    listed: Option<Position>,
    desk: Arc<Desk>,
}

impl HighWater {
    /// Reads the file of `data_dir`, if there is one.
    ///
    /// # Errors
    /// `Foreign` when it is of another cluster, `Version` when of a newer format, `Corrupt` when damaged;
    /// `Unavailable` when it cannot be read.
    pub fn open(data_dir: &Path, cluster: Fingerprint) -> Result<Self> {
        let file = HighWaterFile::new(data_dir, cluster);
        let position = file.read()?;
        let desk = Arc::new(Desk::default());
        let inside = Arc::clone(&desk);
        std::thread::Builder::new()
            .name("standfast-high-water".to_owned())
            .spawn(move || inside.write_all(&file))
            .map_err(|source| {
                Error::new(ErrorKind::Unavailable, "keep high-water")
                    .context("cannot start its thread")
                    .source(source)
            })?;
        Ok(Self {
            position,
            listed: None,
            desk,
        })
    }

    /// Reads the file and never writes it, for a look.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn look(data_dir: &Path, cluster: Fingerprint) -> Result<Self> {
        let desk = Desk::default();
        desk.next.lock().ended = true;
        Ok(Self {
            position: HighWaterFile::new(data_dir, cluster).read()?,
            listed: None,
            desk: Arc::new(desk),
        })
    }

    /// The Position known; `None` on a node that never saw one.
    pub const fn position(&self) -> Option<Position> {
        self.position
    }

    /// Forgets what is known of lower epochs beyond `previous`, if `batch` begins a term that is marked unclean: an
    /// operator has accepted that it is lost. What the file held stays beside it.
    ///
    /// # Errors
    /// `Corrupt`, `Version` when the batch begins a term and cannot be read.
    pub fn accept_loss(&mut self, batch: &Batch) -> Result<()> {
        let Some(start) = batch.epoch_start()?.filter(|start| start.unclean) else {
            return Ok(());
        };
        let is_lost =
            |known: &Position| known.epoch < start.epoch && known.seq > start.previous.seq;
        self.listed = self.listed.filter(|listed| !is_lost(listed));
        if let Some(lost) = self.position.filter(is_lost) {
            let entries = lost.seq.since(start.previous.seq);
            tell(lost, &start);
            metrics::counter!("standfast_lost_entries_total").increment(entries);
            self.give_up(start.epoch);
        }
        Ok(())
    }

    /// Forgets what is known, for a history that goes on in `epoch`. What the file held stays beside it.
    pub fn give_up(&mut self, epoch: Epoch) {
        self.listed = None;
        self.position = None;
        let mut next = self.desk.next.lock();
        next.aside = Some(epoch);
        next.position = None;
        self.desk.wake.notify_all();
    }

    /// The newest Position of the catalog: the log must hold it as well.
    pub fn list(&mut self, position: Position) {
        self.listed = Some(position);
    }

    /// The highest Position known committed, by this node or by the catalog.
    pub fn highest(&self) -> Option<Position> {
        let known = [self.position, self.listed];
        known
            .into_iter()
            .flatten()
            .max_by_key(|position| position.seq)
    }

    /// Compares a state that follows the log with what is known committed.
    ///
    /// # Errors
    /// `LogRegressed` when the state has passed that Seq and it was not there, or when a later epoch began below it:
    /// the log is another history, or a part of it was lost.
    pub fn check(&self, machine: &Machine) -> Result<()> {
        let stands = machine.position();
        self.each(|known| match machine.passed(known.seq) {
            Some((passed, _)) => passed,
            None if stands.seq <= known.seq && stands.epoch > known.epoch => stands,
            None => known,
        })
    }

    /// Compares the next batch of the log with what is known committed, before it is applied.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_batch(&self, batch: &Batch) -> Result<()> {
        let end = batch.end();
        self.each(|known| {
            let holds = batch.first() <= known.seq && known.seq <= end.seq;
            let begins_below = end.seq < known.seq && end.epoch > known.epoch;
            if holds || begins_below { end } else { known }
        })
    }

    /// Compares the newest snapshot with what is known committed, where no log is there to be compared.
    ///
    /// # Errors
    /// `LogRegressed` when it is an older one, or of another history.
    pub fn check_newest(&self, newest: Position) -> Result<()> {
        let is_beside = |known: &Position| known.seq >= newest.seq && *known != newest;
        let Some(known) = self.highest().filter(is_beside) else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::LogRegressed, "follow").context(format!(
            "this node has seen {known} committed, the catalog's newest snapshot stands at {newest}: put the \
             bucket back; if there is no copy of it, or an operator has accepted the loss elsewhere, stop this node, see \
             what is left with `standfast recover --plan` and go on with that by `standfast recover --accept-loss`, both \
             with its configuration"
        )))
    }

    /// Fails where `found` is another than what is known.
    fn each(&self, found: impl Fn(Position) -> Position) -> Result<()> {
        let sources = [("this node", self.position), ("the catalog", self.listed)];
        for (who, known) in sources {
            let Some(known) = known else { continue };
            let found = found(known);
            if found != known {
                return Err(Error::new(ErrorKind::LogRegressed, "follow").context(format!(
                    "{who} has seen {known} committed, the log has {found}: it is another history, or a part of it was \
                     lost"
                )));
            }
        }
        Ok(())
    }

    /// Keeps `position` if its Seq is higher than what is kept; a later epoch with a lower Seq is another history,
    /// and no reason to forget this one (R7).
    ///
    /// # Durability
    /// Written behind the caller's back; a write that fails is told and counted, and the next one tries again.
    pub fn raise(&mut self, position: Position) {
        if self.position.map_or(Seq::ZERO, |kept| kept.seq) >= position.seq {
            return;
        }
        self.position = Some(position);
        self.desk.next.lock().position = Some(position);
        self.desk.wake.notify_all();
    }

    /// Waits until what is known is in the file, a second at most: for who is about to tell of it.
    ///
    /// # Cancel safety
    /// Cancel safe: it is written all the same.
    pub async fn written(&self) {
        let desk = Arc::clone(&self.desk);
        let waited = tokio::task::spawn_blocking(move || desk.wait_until_written(PATIENCE));
        // A runtime that ends waits for no mark.
        drop(waited.await);
    }
}

fn tell(lost: Position, start: &EpochStart) {
    tracing::warn!(
        from = %start.previous.seq.next(),
        through = %lost.seq,
        known = %lost,
        goes_on_behind = %start.previous,
        epoch = %start.epoch,
        "committed entries are lost: an operator has accepted that the history goes on without them"
    );
}

impl Drop for HighWater {
    fn drop(&mut self) {
        let mut next = self.desk.next.lock();
        next.stop = true;
        self.desk.wake.notify_all();
        let runs = |next: &mut Next| !next.ended;
        let waited = self.desk.wake.wait_while_for(&mut next, runs, PATIENCE);
        if waited.timed_out() {
            tracing::warn!("the high-water mark is not written yet; an older one stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use standfast_core::{Chain, ClusterId, Epoch, Seq};

    use super::*;
    use std::fs;

    fn cluster(byte: u8) -> Fingerprint {
        Fingerprint::draw(&ClusterId::new("c").unwrap(), [byte; 16])
    }

    fn at(epoch: u64, seq: u64) -> Position {
        Position {
            epoch: Epoch(epoch),
            seq: Seq(seq),
            chain: Chain::of(&seq.to_le_bytes()),
        }
    }

    #[test]
    fn the_highest_position_is_kept_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut water = HighWater::open(dir.path(), cluster(1)).unwrap();
        assert_eq!(water.position(), None);
        water.raise(at(1, 7));
        water.raise(at(1, 5));
        drop(water);
        let again = HighWater::open(dir.path(), cluster(1)).unwrap();
        assert_eq!(again.position(), Some(at(1, 7)));
    }

    #[test]
    fn a_later_epoch_with_a_lower_seq_does_not_wipe_out_what_was_seen() {
        let dir = tempfile::tempdir().unwrap();
        let mut water = HighWater::open(dir.path(), cluster(1)).unwrap();
        water.raise(at(1, 100));
        water.raise(at(2, 60));
        assert_eq!(water.position(), Some(at(1, 100)));
    }

    #[test]
    fn an_older_snapshot_than_one_that_was_seen_or_another_at_its_seq_is_told_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let mut water = HighWater::open(dir.path(), cluster(1)).unwrap();
        water.check_newest(at(1, 3)).unwrap();
        water.raise(at(1, 7));
        for newest in [at(1, 7), at(1, 9), at(2, 9)] {
            water.check_newest(newest).unwrap();
        }
        for newest in [at(1, 5), at(2, 5), at(2, 7)] {
            let error = water.check_newest(newest).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::LogRegressed);
            assert!(error.to_string().contains("--accept-loss"), "{error}");
        }
    }

    #[test]
    fn another_clusters_file_a_newer_one_and_a_damaged_one_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        HighWater::open(dir.path(), cluster(1))
            .unwrap()
            .raise(at(1, 7));
        let error = HighWater::open(dir.path(), cluster(2)).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Foreign);
        let path = dir.path().join("high-water");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("high-water 1", "high-water 2")).unwrap();
        let error = HighWater::open(dir.path(), cluster(1)).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Version);
        fs::write(&path, text.replace("1:7:", "1:8:")).unwrap();
        let error = HighWater::open(dir.path(), cluster(1)).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt);
    }
}
