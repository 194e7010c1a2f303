use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::claim::{Claim, Granted, Successor};
use crate::etcd::error::error;
use crate::lease::{Lease, Terms};
use crate::off_thread::off_thread;
use standfast_core::{
    BootInstant, Clock, Epoch, ErrorKind, FenceToken, Leadership, NodeId, Result, TermRecord,
};

/// How long giving a seat up is waited for.
const PATIENCE: Duration = Duration::from_millis(800);

/// A term won in etcd.
///
/// Dropping it ends the validity; the seat is then given up by the thread that renewed, as soon as etcd answers.
#[derive(Debug)]
pub(super) struct EtcdLeadership {
    token: FenceToken,
    /// Owned by the thread that renews: giving it up blocks, and must not be done on a thread of a runtime.
    claim: Weak<Claim>,
    successor: Successor,
    lease: Lease,
}

impl EtcdLeadership {
    /// Begins to renew.
    pub(super) fn start(
        claim: Claim,
        granted: &Granted,
        holder: &NodeId,
        clock: &Clock,
        terms: Terms,
        valid_from: BootInstant,
    ) -> Result<Self> {
        let token = claim.token(granted, holder);
        let successor = claim.successor();
        let renewed = Arc::new(claim);
        let claim = Arc::downgrade(&renewed);
        let renew = move || renewed.renew();
        let lease = Lease::start(clock, terms, valid_from, renew)
            .map_err(|source| error(ErrorKind::Unavailable, "campaign").source(source))?;
        Ok(Self {
            token,
            claim,
            successor,
            lease,
        })
    }

    async fn with<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Claim) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let claim = Weak::clone(&self.claim);
        off_thread(operation, move || match claim.upgrade() {
            Some(claim) => work(&claim),
            None => Err(error(ErrorKind::Fenced, operation).context("the term is over")),
        })
        .await
    }
}

#[async_trait]
impl Leadership for EtcdLeadership {
    fn token(&self) -> &FenceToken {
        &self.token
    }

    fn validity(&self) -> watch::Receiver<BootInstant> {
        self.lease.validity()
    }

    async fn confirm(&self) -> Result<()> {
        self.with("confirm", |claim| claim.check("confirm")).await
    }

    async fn announce(&self) -> Result<()> {
        self.with("announce", Claim::announce).await
    }

    async fn publish(&self, record: &TermRecord) -> Result<()> {
        let record = record.clone();
        let publish = move |claim: &Claim| claim.publish(&record);
        self.with("publish term record", publish).await
    }

    async fn reopen(&mut self, at_least: Epoch) -> Result<()> {
        let granted = self
            .with("reopen", move |claim| claim.reopen(at_least))
            .await?;
        self.token.epoch = granted.epoch;
        self.token.nonce = granted.nonce;
        Ok(())
    }

    async fn resign(mut self: Box<Self>, successor: Option<&NodeId>) -> Result<()> {
        *self.successor.lock() = successor.cloned();
        off_thread("resign", move || {
            // Believing ends before others may begin to: then the thread gives the seat up, and is waited for a little.
            if self.lease.stop_within(PATIENCE) {
                return Ok(());
            }
            Err(error(ErrorKind::Unavailable, "resign")
                .context("etcd does not answer: the seat is free when the lease has run out"))
        })
        .await
    }
}
