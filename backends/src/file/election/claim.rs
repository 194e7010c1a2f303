use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use super::dir::{ElectionDir, of_term};
use super::grant::{Grant, Resignation};
use super::seat::heartbeat;
use crate::durable_dir::sync_dir;
use crate::file::error::{error, io_error};
use crate::file::exclusive::Draft;
use crate::file::numbered::{self, NumberedDir};
use crate::lease::Renewal;
use standfast_core::{Candidate, Epoch, ErrorKind, Result};

/// An epoch that is ours: its file, locked, and the heartbeat.
#[derive(Debug)]
pub(super) struct Claim {
    dir: Arc<ElectionDir>,
    epoch: Epoch,
    ttl: Duration,
    /// Locked as long as it is open.
    lock: Option<File>,
    heartbeat: File,
    counter: u64,
    fences: NumberedDir,
}

/// A former leader, or another candidate, that may not know yet that we came after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rival(Epoch);

impl Claim {
    /// Takes the epoch `epoch` if nobody else does. `None` when it is taken.
    pub(super) fn make(
        dir: &Arc<ElectionDir>,
        candidate: &Candidate,
        ttl: Duration,
        epoch: Epoch,
    ) -> Result<Option<Self>> {
        let cluster = dir.cluster("campaign")?;
        let grant = Grant::new(cluster, epoch, candidate, ttl, dir.boot());
        let bytes = serde_json::to_vec(&grant)
            .map_err(|source| error(ErrorKind::Invalid, "campaign").source(source))?;
        let fences = dir.fences_path();
        let make = || {
            let draft = Draft::begin(&dir.layout().tmp(), "grant")?;
            draft.file().write_all(&bytes)?;
            draft.file().sync_all()?;
            // Locked before it has its name: nobody ever sees it free while we live.
            draft.file().try_lock().map_err(io::Error::from)?;
            // Before the grant as well, so that whoever sees the one finds the other. A loser of the race for this
            // epoch opens the winner's, and never writes it.
            let heartbeat = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(dir.of_term("heartbeat", epoch))?;
            let link = draft.link(&fences, &numbered::name(epoch.0))?;
            sync_dir(&fences)?;
            Ok((link, heartbeat))
        };
        let (lock, heartbeat) = make().map_err(|source| io_error("campaign", &fences, source))?;
        let Some(lock) = lock else { return Ok(None) };
        Ok(Some(Self {
            dir: Arc::clone(dir),
            epoch,
            ttl,
            lock: Some(lock),
            heartbeat,
            counter: 0,
            fences: NumberedDir::open(&fences)
                .map_err(|source| io_error("campaign", &fences, source))?,
        }))
    }

    pub(super) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(super) const fn ttl(&self) -> Duration {
        self.ttl
    }

    pub(super) const fn dir(&self) -> &Arc<ElectionDir> {
        &self.dir
    }

    /// Who may believe to lead beside us, seen from `before`, the highest epoch when we found the seat free, with the
    /// counter it showed if it was only silent. `None` when somebody came after us: we do not lead.
    ///
    /// Everything that a rival does from now on it does after our claim: its next renewal finds us and ends its term.
    pub(super) fn rivals(
        &self,
        before: Epoch,
        silent_at: Option<u64>,
    ) -> Result<Option<Vec<Rival>>> {
        let others = self.dir.above(before)?;
        if others.iter().any(|other| *other > self.epoch) {
            return Ok(None);
        }
        let mut rivals: Vec<_> = others
            .into_iter()
            .filter(|other| *other < self.epoch)
            .map(Rival)
            .collect();
        // It wrote its counter, then looked for us, then believed: had it not seen us, we see the counter moved.
        if let Some(counter) = silent_at
            && heartbeat(&self.dir, before)? != counter
        {
            rivals.push(Rival(before));
        }
        Ok(Some(rivals))
    }

    /// Writes the heartbeat, THEN lists: the order is what a successor relies on, see [`Self::rivals`].
    pub(super) fn renew(&mut self) -> Renewal {
        if self.lock.is_none() {
            return Renewal::Lost;
        }
        self.counter += 1;
        let beat = self.counter.to_le_bytes();
        let looked = self
            .heartbeat
            .write_all_at(&beat, 0)
            .and_then(|()| self.fences.largest());
        match looked {
            Ok(Some(largest)) if largest == self.epoch.0 => Renewal::Held,
            Ok(_) => {
                // Whoever waits for us need not wait any longer.
                self.lock = None;
                Renewal::Lost
            }
            Err(error) => {
                tracing::warn!(%error, "cannot renew the lease");
                Renewal::Unsure
            }
        }
    }

    /// Whether the store still names us.
    pub(super) fn check(&self, operation: &'static str) -> Result<()> {
        self.dir.check_leads(self.epoch, operation)?;
        if self.lock.is_none() {
            return Err(error(ErrorKind::Fenced, operation)
                .context(format!("the term of epoch {} is over", self.epoch)));
        }
        Ok(())
    }

    /// Says that the term is over. The lease has been stopped.
    pub(super) fn resign(&mut self, resignation: &Resignation) -> Result<()> {
        let bytes = serde_json::to_vec(resignation)
            .map_err(|source| error(ErrorKind::Invalid, "resign").source(source))?;
        self.create("resigned", &bytes, "resign")?;
        self.lock = None;
        Ok(())
    }

    /// Says that the port answers.
    pub(super) fn announce(&self) -> Result<()> {
        self.check("announce")?;
        self.create("serving", b"", "announce")
    }

    fn create(&self, what: &str, content: &[u8], operation: &'static str) -> Result<()> {
        let layout = self.dir.layout();
        let name = of_term(what, self.epoch);
        crate::file::exclusive::create(&layout.tmp(), layout.dir(), &name, content)
            .map(|_created| ())
            .map_err(|source| io_error(operation, &layout.at(&name), source))
    }

    /// Whether it was announced that the port answers.
    pub(super) fn is_announced(&self) -> bool {
        self.dir.of_term("serving", self.epoch).exists()
    }
}

impl Rival {
    /// Whether it believes no longer, `waited` after our claim: proved, or because its last renewal before the claim
    /// has run out.
    pub(super) fn is_gone(self, dir: &ElectionDir, waited: Duration) -> Result<bool> {
        if dir.of_term("resigned", self.0).exists() {
            return Ok(true);
        }
        let grant = dir.grant(self.0)?;
        if waited >= grant.ttl() {
            return Ok(true);
        }
        dir.is_freed(&dir.grant_path(self.0), &grant.boot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::cluster::init;
    use crate::log_words::{candidate, cluster};
    use standfast_core::Reach;

    const TTL: Duration = Duration::from_secs(5);

    fn election(dir: &std::path::Path) -> Arc<ElectionDir> {
        let dir = ElectionDir::open(dir, |_| Ok(Reach::Host)).unwrap();
        init(dir.layout(), cluster()).unwrap();
        Arc::new(dir)
    }

    fn claim(dir: &Arc<ElectionDir>, epoch: u64) -> Claim {
        let claim = Claim::make(dir, &candidate("a"), TTL, Epoch(epoch));
        claim.unwrap().expect("the epoch is free")
    }

    #[test]
    fn a_candidate_that_won_a_lower_epoch_at_the_same_time_is_waited_for() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = election(temporary.path());
        // Both found the seat free behind epoch 0.
        let mut lower = claim(&dir, 1);
        assert!(lower.rivals(Epoch(0), None).unwrap().unwrap().is_empty());
        let higher = claim(&dir, 10);
        let rivals = higher.rivals(Epoch(0), None).unwrap().unwrap();
        assert_eq!(rivals.len(), 1);
        assert!(!rivals[0].is_gone(&dir, TTL / 2).unwrap(), "it may believe");
        assert!(rivals[0].is_gone(&dir, TTL).unwrap(), "its lease ran out");
        assert_eq!(lower.renew(), Renewal::Lost);
        assert!(rivals[0].is_gone(&dir, TTL / 2).unwrap(), "it has noticed");
        assert!(lower.rivals(Epoch(0), None).unwrap().is_none());
    }

    #[test]
    fn a_silent_leader_that_moved_while_it_was_replaced_is_waited_for() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = election(temporary.path());
        let mut silent = claim(&dir, 1);
        let seen = heartbeat(&dir, Epoch(1)).unwrap();
        let still = claim(&dir, 2);
        assert!(
            still
                .rivals(Epoch(1), Some(seen))
                .unwrap()
                .unwrap()
                .is_empty()
        );
        // Had it moved before the claim appeared, it may believe for another ttl.
        assert_eq!(silent.renew(), Renewal::Lost);
        let rivals = still.rivals(Epoch(1), Some(seen)).unwrap().unwrap();
        assert_eq!(rivals.len(), 1);
    }
}
