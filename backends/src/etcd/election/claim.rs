use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use etcd_client::{Compare, CompareOp, KeyValue, PutOptions, Txn, TxnOp};
use parking_lot::Mutex;

use super::keeper::Keeper;
use super::records::{Epochs, Leader, draw};
use super::seat::Seat;
use crate::etcd::error::error;
use crate::etcd::found::{Found, record};
use crate::etcd::layout::Layout;
use crate::etcd::process::ProcessId;
use crate::etcd::transaction::{delete, is, put};
use crate::lease::Renewal;
use crate::record::encode;
use crate::term_fields::TermFields;
use standfast_core::{
    Candidate, Epoch, ErrorKind, FenceToken, Fingerprint, NodeId, Result, TermRecord,
};

/// A seat that was won: the leader's key, under a lease that is kept alive from here.
///
/// Every change compares the leader's key as it was just read and found to be ours: nothing is done for a term that is over.
/// All of it blocks; a call whose answer is lost is made again, and its second time comes to nothing.
#[derive(Debug)]
pub(super) struct Claim {
    keeper: Keeper,
    layout: Layout,
    cluster: Fingerprint,
    /// What tells our key from others'.
    id: String,
    /// The newest that was granted to us.
    epoch: AtomicU64,
    /// Whom the leader wishes to follow it, once it gives up.
    successor: Successor,
}

/// Whom a leader wishes to follow it.
pub(super) type Successor = Arc<Mutex<Option<NodeId>>>;

/// An epoch that was granted.
pub(super) struct Granted {
    pub(super) epoch: Epoch,
    pub(super) nonce: u128,
}

impl Claim {
    /// Takes the seat if it is still as it was looked at. `None` when somebody else came first.
    ///
    /// # Errors
    /// `Quota`, `Auth`, `Unavailable`.
    pub(super) fn make(
        keeper: Keeper,
        layout: &Layout,
        candidate: &Candidate,
        at_least: Epoch,
        seat: &Seat,
    ) -> Result<Option<(Self, Granted)>> {
        let nonce = rand::random();
        let leader = Leader {
            cluster: seat.cluster,
            candidate: candidate.clone(),
            epoch: seat.granted().max(at_least).next(),
            serving: false,
            claim: draw(),
            nonce: format!("{nonce:032x}"),
            lease: keeper.lease(),
            process: ProcessId::own().cloned(),
        };
        let epochs = Epochs {
            granted: leader.epoch,
            announced: seat.announced(),
            successor: None,
            leader_key: layout.own_leader().map(str::to_owned),
        };
        let take = Txn::new()
            .when([
                is(layout.leader(), None),
                is(layout.epoch(), seat.epochs_bytes()),
            ])
            .and_then([
                put_leader(layout, &leader)?,
                put(layout.epoch(), &encode(&epochs)?),
            ]);
        let claim = Self {
            keeper,
            layout: layout.clone(),
            cluster: seat.cluster,
            id: leader.claim.clone(),
            epoch: AtomicU64::new(leader.epoch.0),
            successor: Successor::default(),
        };
        claim.commit("campaign", &take)?;
        // Not by its answer, which may be that of a second try.
        let granted = Granted {
            epoch: leader.epoch,
            nonce,
        };
        let won = claim.look("campaign")?.held_by(&claim.id).is_some();
        Ok(won.then_some((claim, granted)))
    }

    pub(super) fn token(&self, granted: &Granted, holder: &NodeId) -> FenceToken {
        FenceToken {
            cluster: self.cluster,
            epoch: granted.epoch,
            holder: holder.clone(),
            nonce: granted.nonce,
            proof: format!("lease {:x}", self.keeper.lease()),
        }
    }

    /// Renews the lease, THEN looks whether the key is still ours: the lease alone proves nothing, for somebody may have
    /// taken the key away, or put another cluster's state in its place.
    pub(super) fn renew(&self) -> Renewal {
        let operation = "renew";
        let renewed = self.keeper.wait(self.keeper.keep_alive(operation));
        // At the same member, once: one that leads no more may answer the first without the others.
        let glance = || {
            let look = Seat::glance(self.keeper.connection(), &self.layout, operation);
            self.keeper.wait(look)
        };
        match renewed.and_then(|()| glance()) {
            Ok(seat) if self.holds(&seat) => Renewal::Held,
            Ok(_) => Renewal::Lost,
            Err(error) if *error.kind() == ErrorKind::NotFound => Renewal::Lost,
            Err(error) => {
                tracing::debug!(%error, "the lease was not renewed");
                Renewal::Unsure
            }
        }
    }

    /// Whether we still lead.
    ///
    /// # Errors
    /// `Fenced`, `Unavailable`.
    pub(super) fn check(&self, operation: &'static str) -> Result<()> {
        self.ours(operation).map(drop)
    }

    pub(super) fn announce(&self) -> Result<()> {
        let operation = "announce";
        loop {
            let (seat, leader) = self.ours(operation)?;
            if leader.is.serving && seat.announced() >= leader.is.epoch {
                return Ok(());
            }
            let serving = Leader {
                serving: true,
                ..leader.is
            };
            let epochs = Epochs {
                granted: seat.granted(),
                announced: serving.epoch,
                successor: None,
                leader_key: self.leader_key(),
            };
            self.change(operation, &seat, &leader.bytes, &serving, &epochs)?;
        }
    }

    pub(super) fn publish(&self, record: &TermRecord) -> Result<()> {
        let operation = "publish term record";
        let key = self.layout.term();
        let bytes = encode(&TermFields::from(record))?;
        // Of a record that came between, of our own key that was announced meanwhile, or of this one's own second try, the
        // next look tells: a try that comes late must not put an older record back.
        loop {
            let (_, leader) = self.ours(operation)?;
            if record.epoch != leader.is.epoch {
                return Err(error(ErrorKind::Fenced, operation).context(format!(
                    "the record is of epoch {}, the term is {}",
                    record.epoch, leader.is.epoch
                )));
            }
            let (found, revision) = self.found(operation, &key)?;
            if found.as_ref() == Some(&bytes) {
                return Ok(());
            }
            let unchanged = Compare::mod_revision(key.as_str(), CompareOp::Equal, revision);
            let publish = Txn::new()
                .when([is(self.layout.leader(), Some(&leader.bytes)), unchanged])
                .and_then([put(key.clone(), &bytes)]);
            if self.commit(operation, &publish)? {
                return Ok(());
            }
        }
    }

    /// What is under a key, and when it was written; 0 when nothing is.
    fn found(&self, operation: &'static str, key: &str) -> Result<(Option<Vec<u8>>, i64)> {
        let look = self
            .keeper
            .connection()
            .call(operation, |mut clients| async move {
                clients.kv.get(key, None).await
            });
        let found = self.keeper.wait(look)?.take_kvs().into_iter().next();
        let revision = found.as_ref().map_or(0, KeyValue::mod_revision);
        Ok((found.map(|kv| kv.into_key_value().1), revision))
    }

    /// Claims a higher epoch and keeps the seat.
    pub(super) fn reopen(&self, at_least: Epoch) -> Result<Granted> {
        let operation = "reopen";
        let nonce: u128 = rand::random();
        let word = format!("{nonce:032x}");
        loop {
            let (seat, leader) = self.ours(operation)?;
            if leader.is.nonce == word {
                let epoch = leader.is.epoch;
                self.epoch.store(epoch.0, Ordering::Release);
                return Ok(Granted { epoch, nonce });
            }
            let higher = Leader {
                epoch: seat.granted().max(at_least).next(),
                nonce: word.clone(),
                ..leader.is
            };
            let epochs = Epochs {
                granted: higher.epoch,
                announced: seat.announced(),
                successor: None,
                leader_key: self.leader_key(),
            };
            self.change(operation, &seat, &leader.bytes, &higher, &epochs)?;
        }
    }

    /// Where to name who is to follow, for when this is dropped.
    pub(super) fn successor(&self) -> Successor {
        Arc::clone(&self.successor)
    }

    fn leader_key(&self) -> Option<String> {
        self.layout.own_leader().map(str::to_owned)
    }

    /// Whether the seat is ours, and not as an older state of etcd has it.
    fn holds(&self, seat: &Seat) -> bool {
        let epoch = Epoch(self.epoch.load(Ordering::Acquire));
        seat.held_by(&self.id)
            .is_some_and(|leader| leader.is.epoch >= epoch)
    }

    fn look(&self, operation: &'static str) -> Result<Seat> {
        let look = Seat::look(self.keeper.connection(), &self.layout, operation);
        self.keeper.wait(look)
    }

    /// The seat, and the leader's key in it, which is ours.
    fn ours(&self, operation: &'static str) -> Result<(Seat, Found<Leader>)> {
        let seat = self.look(operation)?;
        let Some(leader) = seat
            .held_by(&self.id)
            .filter(|_| self.holds(&seat))
            .cloned()
        else {
            return Err(error(ErrorKind::Fenced, operation).context(format!(
                "another leads, or nobody; the highest epoch granted is {}",
                seat.granted()
            )));
        };
        Ok((seat, leader))
    }

    /// Changes leader and epochs together. Whether it was done the next look tells.
    fn change(
        &self,
        operation: &'static str,
        seat: &Seat,
        from: &[u8],
        to: &Leader,
        epochs: &Epochs,
    ) -> Result<()> {
        let change = Txn::new()
            .when([
                is(self.layout.leader(), Some(from)),
                is(self.layout.epoch(), seat.epochs_bytes()),
            ])
            .and_then([
                put_leader(&self.layout, to)?,
                put(self.layout.epoch(), &encode(epochs)?),
            ]);
        self.commit(operation, &change).map(drop)
    }

    fn commit(&self, operation: &'static str, transaction: &Txn) -> Result<bool> {
        let done = self.keeper.connection().call(operation, |mut clients| {
            let transaction = transaction.clone();
            async move { clients.kv.txn(transaction).await }
        });
        Ok(self.keeper.wait(done)?.succeeded())
    }

    /// Takes our key away, and nobody else's, and says who is to follow (EL-5).
    fn leave(&self) -> Result<()> {
        let operation = "resign";
        let (seat, leader) = self.ours(operation)?;
        let epochs = Epochs {
            granted: seat.granted(),
            announced: seat.announced(),
            successor: self.successor.lock().clone(),
            leader_key: self.leader_key(),
        };
        let leader_key = self.layout.leaders();
        let leave = Txn::new()
            .when([
                is(self.layout.leader(), Some(&leader.bytes)),
                is(self.layout.epoch(), seat.epochs_bytes()),
            ])
            .and_then([
                delete(leader_key),
                put(self.layout.epoch(), &encode(&epochs)?),
            ]);
        self.commit(operation, &leave).map(drop)
    }
}

impl Drop for Claim {
    /// The lease, which the keeper gives back after this, would take the key away as well, but name nobody.
    fn drop(&mut self) {
        match self.leave() {
            Err(error) if *error.kind() != ErrorKind::Fenced => {
                tracing::debug!(%error, "the seat was left to its lease");
            }
            _ => {}
        }
    }
}

fn put_leader(layout: &Layout, leader: &Leader) -> Result<TxnOp> {
    let options = PutOptions::new().with_lease(leader.lease);
    Ok(TxnOp::put(layout.leader(), encode(leader)?, Some(options)))
}

/// The newest term record, if there is one.
///
/// # Errors
/// `Corrupt`, `Version`.
pub(super) fn term(layout: &Layout, bytes: Option<Vec<u8>>) -> Result<Option<TermRecord>> {
    let found = record::<TermFields>(&layout.term(), bytes)?;
    found.map(|found| found.is.into_record()).transpose()
}
