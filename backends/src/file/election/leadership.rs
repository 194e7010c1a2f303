use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::claim::Claim;
use super::grant::Resignation;
use super::terms;
use crate::file::error::{error, io_error};
use crate::lease::{Lease, Renewal, Terms};
use standfast_core::{
    BootInstant, Candidate, Clock, Epoch, ErrorKind, FenceToken, Leadership, NodeId, Result,
    TermRecord,
};

/// A term won in a directory.
#[derive(Debug)]
pub(super) struct FileLeadership {
    candidate: Candidate,
    token: FenceToken,
    /// Shared with the thread that renews.
    claim: Arc<Mutex<Claim>>,
    lease: Lease,
}

impl FileLeadership {
    /// Begins to renew. `renewing` is asked before each renewal; false stands for a process that stands still.
    pub(super) fn start(
        claim: Claim,
        candidate: &Candidate,
        clock: &Clock,
        terms: Terms,
        valid_from: BootInstant,
        renewing: impl Fn() -> bool + Send + 'static,
    ) -> Result<Self> {
        let token = FenceToken {
            cluster: claim.dir().cluster("campaign")?,
            epoch: claim.epoch(),
            holder: candidate.node.clone(),
            nonce: rand::random(),
            proof: claim.dir().grant_path(claim.epoch()).display().to_string(),
        };
        let path = claim.dir().layout().dir().to_owned();
        let claim = Arc::new(Mutex::new(claim));
        let renewed = Arc::clone(&claim);
        let lease = Lease::start(clock, terms, valid_from, move || {
            if renewing() {
                renewed.lock().renew()
            } else {
                Renewal::Unsure
            }
        })
        .map_err(|source| io_error("campaign", &path, source))?;
        Ok(Self {
            candidate: candidate.clone(),
            token,
            claim,
            lease,
        })
    }
}

#[async_trait]
impl Leadership for FileLeadership {
    fn token(&self) -> &FenceToken {
        &self.token
    }

    fn validity(&self) -> watch::Receiver<BootInstant> {
        self.lease.validity()
    }

    async fn confirm(&self) -> Result<()> {
        self.claim.lock().check("confirm")
    }

    async fn announce(&self) -> Result<()> {
        self.claim.lock().announce()
    }

    async fn publish(&self, record: &TermRecord) -> Result<()> {
        let claim = self.claim.lock();
        claim.check("publish term record")?;
        if record.epoch != claim.epoch() {
            return Err(
                error(ErrorKind::Fenced, "publish term record").context(format!(
                    "the record is of epoch {}, the term is {}",
                    record.epoch,
                    claim.epoch()
                )),
            );
        }
        terms::create(claim.dir(), record)?;
        // Who came in the meantime may have read the record before.
        claim.check("publish term record")
    }

    async fn reopen(&mut self, at_least: Epoch) -> Result<()> {
        // Held throughout, or the renewal would take our own new epoch for somebody else's.
        let mut claim = self.claim.lock();
        claim.check("reopen")?;
        let old = claim.epoch();
        let epoch = old.max(at_least).next();
        let made = Claim::make(claim.dir(), &self.candidate, claim.ttl(), epoch)?;
        let rivals = match &made {
            Some(made) => made.rivals(old, None)?,
            None => None,
        };
        let (Some(made), Some([])) = (made, rivals.as_deref()) else {
            return Err(error(ErrorKind::Fenced, "reopen")
                .context(format!("another was granted an epoch above {old}")));
        };
        if claim.is_announced() {
            made.announce()?;
        }
        self.token.epoch = epoch;
        self.token.nonce = rand::random();
        self.token.proof = made.dir().grant_path(epoch).display().to_string();
        *claim = made;
        Ok(())
    }

    async fn resign(mut self: Box<Self>, successor: Option<&NodeId>) -> Result<()> {
        // Believing ends before others may begin to.
        self.lease.stop();
        self.claim.lock().resign(&Resignation::new(successor))
    }
}
