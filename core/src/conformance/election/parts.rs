use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::trial::{ElectionTrial, Place};
use super::twist::ElectionTwist;
use crate::clock::BootInstant;
use crate::conformance::failure::{Failure, Outcome, ensure};
use crate::conformance::parts::{candidate, token};
use crate::election::{
    Candidate, ElectionBackend, ElectionWatch, LeaderRecord, Leadership, Member, Role, TermRecord,
};
use crate::error::Result;
use crate::words::{Epoch, FenceToken, NodeId, Seq};

/// How long anything may take on the wall.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a candidate is watched at least that must not win.
pub(super) const GLANCE: Duration = Duration::from_millis(60);

/// What comes of `work`, if it comes in time.
pub(super) async fn within<T>(what: &str, work: impl Future<Output = T>) -> Outcome<T> {
    let limited = tokio::time::timeout(PATIENCE, work);
    limited.await.map_err(|_elapsed| {
        Failure::new(format!("{what} did not come in {} s", PATIENCE.as_secs()))
    })
}

/// Wins a seat that is free.
pub(super) async fn win(
    election: &dyn ElectionBackend,
    name: &str,
    at_least: u64,
) -> Outcome<Box<dyn Leadership>> {
    let candidate = candidate(name);
    let campaign = election.campaign(&candidate, Epoch(at_least));
    Ok(within("leadership of a free seat", campaign).await??)
}

/// Ends the case if `name` wins a seat that is held.
pub(super) async fn ensure_held(
    trial: &ElectionTrial,
    election: &dyn ElectionBackend,
    name: &str,
) -> Outcome {
    let glance = trial.glance().await?;
    let candidate = candidate(name);
    let campaign = election.campaign(&candidate, Epoch::ZERO);
    match tokio::time::timeout(glance, campaign).await {
        Err(_elapsed) => Ok(()),
        Ok(Ok(won)) => Err(Failure::new(format!(
            "{name} was granted epoch {} while another holds the seat",
            won.token().epoch
        ))),
        Ok(Err(error)) => Err(error.into()),
    }
}

/// Takes over from a leader that renews nothing.
pub(super) async fn take_over(
    place: &Place,
    election: &dyn ElectionBackend,
    name: &str,
) -> Outcome<Box<dyn Leadership>> {
    tokio::select! {
        won = win(election, name, 0) => won,
        () = place.pass_time() => Err(Failure::new("time stands still")),
    }
}

/// What a watch tells next.
pub(super) async fn told(watch: &mut dyn ElectionWatch) -> Outcome<Option<LeaderRecord>> {
    Ok(within("news of the leader", watch.next()).await??)
}

/// Waits until `election` says that `epoch` leads.
pub(super) async fn ensure_leads(election: &dyn ElectionBackend, epoch: Epoch) -> Outcome {
    let mut watch = election.observe().await?;
    loop {
        let record = told(&mut *watch).await?;
        if let Some(record) = record.filter(|record| record.epoch >= epoch) {
            ensure!(
                record.epoch == epoch,
                "epoch {} leads, and not {epoch}",
                record.epoch
            );
            return Ok(());
        }
    }
}

/// A node that follows.
pub(super) fn member(name: &str) -> Member {
    Member {
        candidate: candidate(name),
        role: Role::Standby,
        epoch: Epoch(1),
        applied: Seq(3),
        digest: None,
        version: "0.1.0".into(),
    }
}

/// Grants a seat that another holds.
pub(super) struct LetsTwoLead;

#[async_trait]
impl ElectionTwist for LetsTwoLead {
    async fn campaign(
        &self,
        election: &dyn ElectionBackend,
        candidate: &Candidate,
        at_least: Epoch,
    ) -> Result<Box<dyn Leadership>> {
        let campaign = election.campaign(candidate, at_least);
        match tokio::time::timeout(GLANCE / 3, campaign).await {
            Ok(answer) => answer,
            Err(_elapsed) => {
                let epoch = election.epoch().await?.max(at_least).next();
                Ok(Box::new(Pretender(token(epoch.0))))
            }
        }
    }
}

/// A leadership that was only ever said.
struct Pretender(FenceToken);

#[async_trait]
impl Leadership for Pretender {
    fn token(&self) -> &FenceToken {
        &self.0
    }

    fn validity(&self) -> watch::Receiver<BootInstant> {
        watch::channel(BootInstant::from_nanos(u64::MAX)).1
    }

    async fn confirm(&self) -> Result<()> {
        Ok(())
    }

    async fn announce(&self) -> Result<()> {
        Ok(())
    }

    async fn publish(&self, _record: &TermRecord) -> Result<()> {
        Ok(())
    }

    async fn reopen(&mut self, _at_least: Epoch) -> Result<()> {
        Ok(())
    }

    async fn resign(self: Box<Self>, _successor: Option<&NodeId>) -> Result<()> {
        Ok(())
    }
}
