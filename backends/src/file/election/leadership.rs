use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::claim::Claim;
use super::grant::Resignation;
use super::terms;
use crate::file::error::{error, io_error};
use crate::lease::{Lease, Renewal, Terms};
use crate::off_thread::off_thread;
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
        let claim = Arc::clone(&self.claim);
        off_thread("confirm", move || claim.lock().check("confirm")).await
    }

    async fn announce(&self) -> Result<()> {
        let claim = Arc::clone(&self.claim);
        off_thread("announce", move || claim.lock().announce()).await
    }

    async fn publish(&self, record: &TermRecord) -> Result<()> {
        let (claim, record) = (Arc::clone(&self.claim), record.clone());
        off_thread("publish term record", move || {
            publish(&claim.lock(), &record)
        })
        .await
    }

    async fn reopen(&mut self, at_least: Epoch) -> Result<()> {
        let (claim, candidate) = (Arc::clone(&self.claim), self.candidate.clone());
        let (epoch, proof) =
            off_thread("reopen", move || reopen(&claim, &candidate, at_least)).await?;
        self.token.epoch = epoch;
        self.token.nonce = rand::random();
        self.token.proof = proof;
        Ok(())
    }

    async fn resign(mut self: Box<Self>, successor: Option<&NodeId>) -> Result<()> {
        // Believing ends before others may begin to.
        self.lease.stop();
        let (claim, resignation) = (Arc::clone(&self.claim), Resignation::new(successor));
        off_thread("resign", move || claim.lock().resign(&resignation)).await
    }
}

fn publish(claim: &Claim, record: &TermRecord) -> Result<()> {
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

/// Claims an epoch above ours, and gives it with its proof.
fn reopen(claim: &Mutex<Claim>, candidate: &Candidate, at_least: Epoch) -> Result<(Epoch, String)> {
    // Held throughout, or the renewal would take our own new epoch for somebody else's.
    let mut claim = claim.lock();
    claim.check("reopen")?;
    let old = claim.epoch();
    let epoch = old.max(at_least).next();
    let made = Claim::make(claim.dir(), candidate, claim.ttl(), epoch)?;
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
    let proof = made.dir().grant_path(epoch).display().to_string();
    *claim = made;
    Ok((epoch, proof))
}
