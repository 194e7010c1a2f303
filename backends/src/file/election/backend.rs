use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::claim::{Claim, Rival};
use super::dir::ElectionDir;
use super::leadership::FileLeadership;
use super::registration::{self, FileRegistration};
use super::seat::{Observer, Seat};
use super::terms;
use crate::file::cluster;
use crate::file::error::{NAME, error, io_error};
use crate::file::exclusive::Draft;
use crate::lease::{SUCCESSOR_HEAD_START, Terms};
use crate::mount;
use crate::off_thread::off_thread;
use standfast_core::{
    BootInstant, Candidate, Clock, ElectionBackend, ElectionCapabilities, ElectionWatch, Epoch,
    ErrorKind, Fingerprint, LeaderRecord, Leadership, Member, Registration, Result, Span, Store,
    TermRecord,
};

/// How often candidates and watchers look.
const LOOK: Duration = Duration::from_millis(5);

/// An election in a directory.
#[derive(Clone, Debug)]
pub struct FileElection {
    dir: Arc<ElectionDir>,
    clock: Clock,
    terms: Terms,
    /// Shared by everything that looks at the seat: silence counts from when this process first saw it.
    observer: Arc<Mutex<Observer>>,
    renewing: Arc<std::sync::atomic::AtomicBool>,
}

/// A seat that was free, and whose turn it may be.
struct Vacancy {
    epoch: Epoch,
    silent_at: Option<u64>,
    since: Instant,
}

impl FileElection {
    /// Opens the election in `dir`, with a ttl of 5 s, and makes the directories that are missing.
    ///
    /// # Errors
    /// `Config` when the file system is none that it can trust; `Unavailable`, `Quota`.
    pub fn open(dir: &Path, clock: Clock) -> Result<Self> {
        Self::open_with(dir, clock, Terms::new(None, None))
    }

    /// The same with another ttl; the margin is a tenth of it.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with_ttl(dir: &Path, clock: Clock, ttl: Duration) -> Result<Self> {
        Self::open_with(dir, clock, Terms::new(Some(Span(ttl)), None))
    }

    pub(in crate::file) fn open_with(dir: &Path, clock: Clock, terms: Terms) -> Result<Self> {
        let dir = Arc::new(ElectionDir::open(dir, |dir| {
            mount::reach(dir).map_err(|error| error.backend(NAME))
        })?);
        let observer = Observer::new(Arc::clone(&dir), clock.clone());
        Ok(Self {
            dir,
            clock,
            terms,
            observer: Arc::new(Mutex::new(observer)),
            renewing: Arc::new(true.into()),
        })
    }

    /// From now on the leader of this handle renews nothing, as if its process stood still.
    #[cfg(test)]
    pub(in crate::file) fn freeze(&self) {
        self.renewing
            .store(false, std::sync::atomic::Ordering::Release);
    }

    /// The leader of this handle goes on.
    #[cfg(test)]
    pub(in crate::file) fn thaw(&self) {
        self.renewing
            .store(true, std::sync::atomic::Ordering::Release);
    }

    fn look(&self) -> Result<Seat> {
        self.observer.lock().look()
    }

    /// Claims a free seat. The rivals that come with it must be gone before anybody may believe in the claim.
    fn claim(
        &self,
        candidate: &Candidate,
        at_least: Epoch,
        vacancy: &Vacancy,
    ) -> Result<Option<(FileLeadership, Vec<Rival>)>> {
        let before = self.clock.now();
        let epoch = vacancy.epoch.max(at_least).next();
        let Some(claim) = Claim::make(&self.dir, candidate, self.terms.ttl, epoch)? else {
            return Ok(None);
        };
        let Some(rivals) = claim.rivals(vacancy.epoch, vacancy.silent_at)? else {
            return Ok(None);
        };
        let leadership = self.lead(claim, candidate, before)?;
        Ok(Some((leadership, rivals)))
    }

    /// Claims a free seat and waits until nobody else believes to have it.
    async fn try_claim(
        &self,
        candidate: &Candidate,
        at_least: Epoch,
        vacancy: Vacancy,
    ) -> Result<Option<Box<dyn Leadership>>> {
        let (election, candidate) = (self.clone(), candidate.clone());
        let claim = move || election.claim(&candidate, at_least, &vacancy);
        let Some((leadership, rivals)) = off_thread("campaign", claim).await? else {
            return Ok(None);
        };
        self.outwait(rivals).await?;
        leadership.confirm().await?;
        Ok(Some(Box::new(leadership)))
    }

    fn lead(
        &self,
        claim: Claim,
        candidate: &Candidate,
        before: BootInstant,
    ) -> Result<FileLeadership> {
        let renewing = Arc::clone(&self.renewing);
        let renewing = move || renewing.load(std::sync::atomic::Ordering::Acquire);
        FileLeadership::start(claim, candidate, &self.clock, self.terms, before, renewing)
    }

    /// Waits until no rival can believe any longer: it is proved gone, or its last renewal before our claim has run
    /// out.
    async fn outwait(&self, mut rivals: Vec<Rival>) -> Result<()> {
        let claimed = self.clock.now();
        loop {
            let waited = self.clock.now().since(claimed);
            let mut left = Vec::new();
            for rival in rivals {
                left.extend((!rival.is_gone(&self.dir, waited)?).then_some(rival));
            }
            if left.is_empty() {
                return Ok(());
            }
            rivals = left;
            sleep(LOOK).await;
        }
    }
}

#[async_trait]
impl Store for FileElection {
    fn name(&self) -> &str {
        NAME
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        cluster::read(self.dir.layout())
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        cluster::init(self.dir.layout(), cluster)
    }

    async fn probe(&self) -> Result<()> {
        let tmp = self.dir.layout().tmp();
        Draft::begin(&tmp, "probe")
            .and_then(|draft| draft.file().sync_all())
            .map_err(|source| io_error("probe", &tmp, source))
    }
}

#[async_trait]
impl ElectionBackend for FileElection {
    fn capabilities(&self) -> ElectionCapabilities {
        ElectionCapabilities::new(self.dir.reach(), true)
    }

    async fn campaign(
        &self,
        candidate: &Candidate,
        at_least: Epoch,
    ) -> Result<Box<dyn Leadership>> {
        self.dir.cluster("campaign")?;
        let mut free_since = None;
        loop {
            match self.look()? {
                Seat::Held(_) => free_since = None,
                Seat::Free {
                    epoch,
                    silent_at,
                    successor,
                } => {
                    let vacancy = Vacancy {
                        epoch,
                        silent_at,
                        since: *free_since.get_or_insert_with(Instant::now),
                    };
                    // A named successor gets a head start over all others.
                    let our_turn = successor.is_none_or(|successor| successor == candidate.node)
                        || vacancy.since.elapsed() >= SUCCESSOR_HEAD_START;
                    if our_turn
                        && let Some(leadership) =
                            self.try_claim(candidate, at_least, vacancy).await?
                    {
                        return Ok(leadership);
                    }
                }
            }
            sleep(LOOK).await;
        }
    }

    async fn current(&self) -> Result<Option<LeaderRecord>> {
        Ok(match self.look()? {
            Seat::Held(record) => Some(*record),
            Seat::Free { .. } => None,
        })
    }

    async fn epoch(&self) -> Result<Epoch> {
        self.dir.epoch()
    }

    async fn announced(&self) -> Result<Epoch> {
        self.dir.announced()
    }

    async fn term_record(&self) -> Result<Option<TermRecord>> {
        terms::read(&self.dir)
    }

    async fn observe(&self) -> Result<Box<dyn ElectionWatch>> {
        Ok(Box::new(FileElectionWatch {
            election: self.clone(),
            told: Told::Nothing,
        }))
    }

    async fn members(&self) -> Result<Vec<Member>> {
        registration::members(&self.dir)
    }

    async fn register(&self, member: &Member) -> Result<Box<dyn Registration>> {
        let registration = FileRegistration::begin(Arc::clone(&self.dir), member).await?;
        Ok(Box::new(registration))
    }

    async fn depose(&self, expected: Epoch) -> Result<()> {
        let gone = || {
            Err(error(ErrorKind::NotFound, "depose")
                .context(format!("epoch {expected} does not lead")))
        };
        if self.dir.epoch()? != expected || self.dir.of_term("resigned", expected).exists() {
            return gone();
        }
        let grant = self.dir.grant(expected)?;
        if self
            .dir
            .is_freed(&self.dir.grant_path(expected), &grant.boot)?
        {
            // Proved dead; every campaign sees the same proof.
            return Ok(());
        }
        Err(error(ErrorKind::Unavailable, "depose").context(format!(
            "{} leads epoch {expected} and its process {} lives, or is not proved dead: its lease has to run out",
            grant.candidate.node, grant.pid
        )))
    }
}

/// What a watch said last.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Leader(Option<LeaderRecord>),
}

/// Follows who leads.
#[derive(Debug)]
struct FileElectionWatch {
    election: FileElection,
    told: Told,
}

#[async_trait]
impl ElectionWatch for FileElectionWatch {
    async fn next(&mut self) -> Result<Option<LeaderRecord>> {
        loop {
            let current = self.election.current().await?;
            let told = Told::Leader(current.clone());
            if self.told != told {
                self.told = told;
                return Ok(current);
            }
            sleep(LOOK).await;
        }
    }
}
