//! A node's state with its log, and short names for what the stories do with it.

use std::sync::Arc;

use parking_lot::Mutex;
use standfast_core::{
    Batch, BatchBuilder, BatchEnd, ByteSize, Captured, Clock, ClusterId, Digest, Entry, EntryId,
    Epoch, FenceToken, Fingerprint, Machine, MachineRestore, Manifest, NodeId, Position, RequestId,
    Result, Seq, SessionId, SharedMachine, SnapshotStore, TrimGuard,
};
use standfast_snapshots::{
    Cataloguer, Committed, MachineLineage, PinGuard, Publisher, Restored, Restorer, Round,
    SnapshotPolicy,
};
use tokio::sync::watch;

use super::map_service::{COUNT, MapService, PUT, REMOVE};

/// A change of the map.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Put(u16, u8),
    Remove(u16),
    Count,
}

/// Parts of a few rows each, two at once.
pub(crate) fn small_parts() -> SnapshotPolicy {
    SnapshotPolicy {
        part_size: ByteSize(4096),
        memory: ByteSize(16384),
        ..SnapshotPolicy::default()
    }
}

/// How far the log may be trimmed by the newest entry.
pub(crate) async fn trimmable(
    store: &Arc<dyn SnapshotStore>,
    leader: &mut Cataloguer,
) -> Option<Seq> {
    let entry = store.newest().await.unwrap()?;
    leader.trim_through(&entry, Seq::ZERO).await.unwrap()
}

pub(crate) fn cluster() -> Fingerprint {
    Fingerprint::draw(&ClusterId::new("stories").unwrap(), [3; 16])
}

pub(crate) fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

pub(crate) fn token(epoch: u64, name: &str) -> FenceToken {
    FenceToken {
        cluster: cluster(),
        epoch: Epoch(epoch),
        holder: node(name),
        nonce: u128::from(epoch) << 32 | name.len() as u128,
        proof: String::new(),
    }
}

/// A node.
pub(crate) struct World {
    pub(crate) machine: SharedMachine,
    pub(crate) log: Mutex<Vec<Batch>>,
    node: NodeId,
    committed: watch::Sender<Position>,
}

impl World {
    pub(crate) fn new(sums: bool) -> Self {
        let service = Box::new(MapService::new(sums));
        let machine = Machine::genesis(cluster(), service, Clock::manual());
        let committed = watch::Sender::new(machine.position());
        Self {
            machine: Arc::new(Mutex::new(machine)),
            log: Mutex::new(Vec::new()),
            node: node("standby"),
            committed,
        }
    }

    /// A node with `rows` keys.
    pub(crate) fn with_rows(rows: u16) -> Self {
        let world = Self::new(true);
        let changes: Vec<_> = (0..rows).map(|key| Change::Put(key, 1)).collect();
        for chunk in changes.chunks(500) {
            world.change(chunk);
        }
        world
    }

    /// Applies one committed batch.
    pub(crate) fn change(&self, changes: &[Change]) {
        if !changes.is_empty() {
            self.change_uncommitted(changes);
            self.commit();
        }
    }

    /// Applies one batch that is not committed yet.
    pub(crate) fn change_uncommitted(&self, changes: &[Change]) {
        let mut machine = self.machine.lock();
        let batch = batch(&machine, changes);
        machine.apply_batch(&batch).unwrap();
        drop(machine);
        self.log.lock().push(batch);
    }

    pub(crate) fn commit(&self) {
        let position = self.machine.lock().position();
        self.committed.send_replace(position);
    }

    pub(crate) fn watermark(&self) -> watch::Receiver<Position> {
        self.committed.subscribe()
    }

    pub(crate) fn digest(&self) -> Digest {
        self.machine.lock().digest()
    }

    pub(crate) fn position(&self) -> Position {
        self.machine.lock().position()
    }

    pub(crate) fn capture(&self) -> Captured {
        self.machine.lock().capture().unwrap()
    }

    pub(crate) fn empty(&self) -> MachineRestore {
        self.machine.lock().begin_restore()
    }

    pub(crate) fn publisher(&self, store: &Arc<dyn SnapshotStore>) -> Publisher {
        Publisher::new(Arc::clone(store), self.node.clone(), small_parts())
    }

    pub(crate) fn cataloguer(&self, store: &Arc<dyn SnapshotStore>, epoch: u64) -> Cataloguer {
        self.cataloguer_named(store, epoch, "leader")
    }

    pub(crate) fn cataloguer_named(
        &self,
        store: &Arc<dyn SnapshotStore>,
        epoch: u64,
        name: &str,
    ) -> Cataloguer {
        self.cataloguer_of(store, token(epoch, name), small_parts())
    }

    pub(crate) fn cataloguer_by(
        &self,
        store: &Arc<dyn SnapshotStore>,
        epoch: u64,
        policy: SnapshotPolicy,
    ) -> Cataloguer {
        self.cataloguer_of(store, token(epoch, "leader"), policy)
    }

    fn cataloguer_of(
        &self,
        store: &Arc<dyn SnapshotStore>,
        token: FenceToken,
        policy: SnapshotPolicy,
    ) -> Cataloguer {
        let lineage = MachineLineage::new(Arc::clone(&self.machine), self.watermark());
        Cataloguer::new(Arc::clone(store), token, policy, Arc::new(lineage))
    }

    /// Publishes and proves what the state is now.
    pub(crate) async fn publish(&self, store: &Arc<dyn SnapshotStore>) -> Result<Manifest> {
        let publisher = self.publisher(store);
        let captured = self.capture();
        let manifest = publisher
            .publish(captured, &self.machine, Committed::Already)
            .await?;
        publisher.prove(&manifest.id, || self.empty()).await?;
        Ok(manifest)
    }

    /// A change, a proved snapshot of it, and a round of the leader.
    pub(crate) async fn next_snapshot(
        &self,
        store: &Arc<dyn SnapshotStore>,
        leader: &mut Cataloguer,
        byte: u8,
    ) -> Result<(Manifest, Round)> {
        let changes: Vec<_> = (0..200).map(|key| Change::Put(key, byte)).collect();
        self.change(&changes);
        let manifest = self.publish(store).await?;
        let round = leader.round().await?;
        Ok((manifest, round))
    }

    pub(crate) fn restorer(&self, store: &Arc<dyn SnapshotStore>) -> Restorer {
        Restorer::new(Arc::clone(store), small_parts(), self.node.as_str())
    }

    pub(crate) async fn restore(&self, store: &Arc<dyn SnapshotStore>) -> Result<Option<Restored>> {
        self.restorer(store).restore(|| self.empty()).await
    }

    /// Trims the log as the leader does: to what the snapshots allow, and not beyond what a pin holds.
    pub(crate) async fn trim(&self, store: &Arc<dyn SnapshotStore>, leader: &mut Cataloguer) {
        let Some(through) = trimmable(store, leader).await else {
            return;
        };
        let guard = PinGuard::new(token(1, "leader"), Arc::clone(store));
        let needed = guard.lowest_needed().await.unwrap();
        let goes = |batch: &Batch| {
            batch.last() <= through && needed.is_none_or(|needed| batch.last() < needed)
        };
        self.log.lock().retain(|batch| !goes(batch));
    }

    /// The first entry of the log.
    pub(crate) fn floor(&self) -> Seq {
        self.log.lock().first().unwrap().first()
    }

    /// What a restored state becomes when the log's suffix is replayed.
    pub(crate) fn replay(&self, mut machine: Machine) -> Digest {
        for batch in &*self.log.lock() {
            if batch.first() > machine.position().seq {
                machine.apply_batch(batch).unwrap();
            }
        }
        machine.digest()
    }
}

fn batch(machine: &Machine, changes: &[Change]) -> Batch {
    let mut builder = BatchBuilder::new(machine.applied().next());
    for change in changes {
        let (op_type, key, payload) = match change {
            Change::Put(key, byte) => (PUT, key.to_le_bytes().to_vec(), vec![*byte; 40]),
            Change::Remove(key) => (REMOVE, key.to_le_bytes().to_vec(), Vec::new()),
            Change::Count => (COUNT, Vec::new(), Vec::new()),
        };
        let seq = builder.next_seq();
        let id = EntryId {
            session: SessionId(u128::from(seq.0 % 5 + 1)),
            request: RequestId(seq.0),
            item: 0,
            answered: RequestId(seq.0.saturating_sub(20)),
        };
        let entry = Entry {
            seq,
            timestamp_ms: seq.0,
            op_type,
            id,
            key: key.into(),
            payload: payload.into(),
        };
        builder.push(&entry).unwrap();
    }
    let end = BatchEnd {
        epoch: Epoch(1),
        previous: machine.position(),
        committed: machine.position().seq,
        digest: None,
    };
    builder.seal(&end).unwrap()
}
