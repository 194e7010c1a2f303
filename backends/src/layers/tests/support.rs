use std::borrow::Cow;
use std::sync::Arc;

use standfast_core::{
    Batch, BatchBuilder, BatchEnd, ClusterId, Entry, EntryId, Epoch, FenceToken, Fingerprint,
    NodeId, OpLogStore, OpLogWriter, OpType, Position, ReadLimit, Seq, Store,
};

use crate::layers::{Faults, Layer};
use crate::{MemoryLogSpace, MemoryOpLog};

pub(super) fn cluster() -> Fingerprint {
    Fingerprint::draw(&ClusterId::new("layers").unwrap(), [7; 16])
}

pub(super) fn token(epoch: u64) -> FenceToken {
    FenceToken {
        cluster: cluster(),
        epoch: Epoch(epoch),
        holder: NodeId::new("a").unwrap(),
        nonce: u128::from(epoch),
        proof: String::new(),
    }
}

/// A batch of so many entries behind `previous`.
pub(super) fn batch(previous: Position, entries: u8) -> Batch {
    let mut builder = BatchBuilder::new(previous.seq.next());
    for n in 0..entries {
        let entry = Entry {
            seq: builder.next_seq(),
            timestamp_ms: 1,
            op_type: OpType::FIRST_OF_SERVICE,
            id: EntryId::default(),
            key: Cow::Borrowed(b"key"),
            payload: Cow::Owned(vec![n]),
        };
        builder.push(&entry).unwrap();
    }
    let end = BatchEnd {
        epoch: Epoch(1),
        previous,
        committed: Seq::ZERO,
        digest: None,
    };
    builder.seal(&end).unwrap()
}

/// A log in memory, as it is and with faults around it.
pub(super) struct Log {
    pub(super) raw: Arc<dyn OpLogStore>,
    pub(super) faulty: Arc<dyn OpLogStore>,
    pub(super) faults: Faults,
}

impl Log {
    pub(super) async fn new() -> Self {
        let log = MemoryOpLog::open(&MemoryLogSpace::new());
        log.init(cluster()).await.unwrap();
        let raw: Arc<dyn OpLogStore> = Arc::new(log);
        let faults = Faults::seeded(7);
        Self {
            faulty: faults.oplog(Arc::clone(&raw)),
            raw,
            faults,
        }
    }

    /// The writer of epoch 1, over the faults.
    pub(super) async fn writer(&self) -> Box<dyn OpLogWriter> {
        self.faulty.open_writer(&token(1)).await.unwrap()
    }

    /// So many batches of one entry, appended past the faults.
    pub(super) async fn fill(&self, batches: usize) -> Vec<Batch> {
        let mut writer = self.raw.open_writer(&token(1)).await.unwrap();
        let mut filled = Vec::new();
        for _ in 0..batches {
            let batch = batch(writer.tail(), 1);
            writer.append(&batch).await.unwrap();
            filled.push(batch);
        }
        filled
    }

    /// All that the log holds.
    pub(super) async fn held(&self) -> Vec<Batch> {
        let genesis = Position::genesis(cluster());
        self.raw.read(genesis, ReadLimit::default()).await.unwrap()
    }
}
