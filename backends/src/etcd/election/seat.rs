use etcd_client::{ResponseHeader, Txn, TxnResponse};

use super::records::{Epochs, Leader};
use crate::etcd::connection::Connection;
use crate::etcd::error::{foreign, not_initialised};
use crate::etcd::found::{Found, record};
use crate::etcd::layout::Layout;
use crate::etcd::records::ClusterRecord;
use crate::etcd::transaction::{Answers, get, look};
use standfast_core::{Epoch, Fingerprint, LeaderRecord, Result};

/// Who leads, and which epochs there were, at one moment.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    /// When that was.
    pub(super) revision: i64,
    pub(super) cluster: Fingerprint,
    pub(super) leader: Option<Found<Leader>>,
    pub(super) epochs: Option<Found<Epochs>>,
}

impl Seat {
    /// # Errors
    /// `NotFound` when nothing is here; `Corrupt`, `Version`, `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub(super) async fn look(
        connection: &Connection,
        layout: &Layout,
        operation: &'static str,
    ) -> Result<Self> {
        let question = Self::question(layout);
        let answer = connection.call(operation, |mut clients| {
            let question = question.clone();
            async move { clients.kv.txn(question).await }
        });
        Self::read(layout, operation, &answer.await?)
    }

    /// The same in one try, with the member that answered last.
    ///
    /// # Errors
    /// As [`Self::look`].
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub(super) async fn glance(
        connection: &Connection,
        layout: &Layout,
        operation: &'static str,
    ) -> Result<Self> {
        let question = Self::question(layout);
        let answer = connection.once(operation, |mut clients| async move {
            clients.kv.txn(question).await
        });
        Self::read(layout, operation, &answer.await?)
    }

    fn question(layout: &Layout) -> Txn {
        look(vec![
            get(layout.fingerprint()),
            get(layout.leader()),
            get(layout.epoch()),
        ])
    }

    fn read(layout: &Layout, operation: &'static str, answer: &TxnResponse) -> Result<Self> {
        let mut answers = Answers::of(answer);
        let cluster = record::<ClusterRecord>(&layout.fingerprint(), answers.value())?
            .ok_or_else(|| not_initialised(operation, layout.root()))?
            .is
            .fingerprint;
        let leader = record::<Leader>(&layout.leader(), answers.value())?;
        if let Some(other) = leader.as_ref().map(|leader| leader.is.cluster)
            && other != cluster
        {
            return Err(foreign(operation, &layout.leader(), other, cluster));
        }
        Ok(Self {
            revision: answer.header().map_or(0, ResponseHeader::revision),
            cluster,
            leader,
            epochs: record(&layout.epoch(), answers.value())?,
        })
    }

    /// Who leads: nobody whose process is proved dead.
    pub(super) fn current(&self) -> Option<LeaderRecord> {
        let leader = self.leader.as_ref().map(|leader| &leader.is);
        leader
            .filter(|leader| !leader.is_dead())
            .map(Leader::record)
    }

    pub(super) fn granted(&self) -> Epoch {
        self.epochs
            .as_ref()
            .map_or(Epoch::ZERO, |epochs| epochs.is.granted)
    }

    pub(super) fn announced(&self) -> Epoch {
        self.epochs
            .as_ref()
            .map_or(Epoch::ZERO, |epochs| epochs.is.announced)
    }

    /// What a transaction compares before it changes the epochs.
    pub(super) fn epochs_bytes(&self) -> Option<&[u8]> {
        self.epochs.as_ref().map(|epochs| &*epochs.bytes)
    }

    /// The leader, when it is the one who made `claim`.
    pub(super) fn held_by(&self, claim: &str) -> Option<&Found<Leader>> {
        self.leader
            .as_ref()
            .filter(|leader| leader.is.claim == claim)
    }
}
