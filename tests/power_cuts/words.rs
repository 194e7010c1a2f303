//! Tokens, batches and names of the stories.

use std::borrow::Cow;

use standfast_core::{
    Batch, BatchBuilder, BatchEnd, Candidate, ClusterId, Entry, EntryId, Epoch, EpochStart,
    FenceToken, Fingerprint, NodeId, OpType, Position, Seq, Versions,
};

pub(crate) const VERSIONS: Versions = Versions {
    written: 1,
    lowest_reader: 1,
    digest: 1,
};

pub(crate) fn cluster() -> Fingerprint {
    Fingerprint::draw(&ClusterId::new("power-cuts").unwrap(), [7; 16])
}

pub(crate) fn node() -> NodeId {
    NodeId::new("a").unwrap()
}

pub(crate) fn candidate() -> Candidate {
    Candidate {
        node: node(),
        endpoint: "127.0.0.1:7400".into(),
        http: "127.0.0.1:7480".into(),
    }
}

pub(crate) fn token(epoch: Epoch) -> FenceToken {
    FenceToken {
        cluster: cluster(),
        epoch,
        holder: node(),
        nonce: rand::random(),
        proof: String::new(),
    }
}

/// A batch of one entry behind `previous`.
pub(crate) fn batch(epoch: Epoch, previous: Position, payload: &[u8]) -> Batch {
    batch_of(epoch, previous, &[payload])
}

/// A batch of an entry for each payload.
pub(crate) fn batch_of(epoch: Epoch, previous: Position, payloads: &[&[u8]]) -> Batch {
    sealed(OpType::FIRST_OF_SERVICE, epoch, previous, payloads)
}

/// The batch that begins the term of `epoch`.
pub(crate) fn epoch_start(epoch: Epoch, previous: Position) -> Batch {
    let start = EpochStart {
        epoch,
        previous,
        node: node(),
        versions: VERSIONS,
        unclean: false,
    };
    sealed(OpType::EPOCH_START, epoch, previous, &[&start.encode()])
}

fn sealed(op_type: OpType, epoch: Epoch, previous: Position, payloads: &[&[u8]]) -> Batch {
    let mut builder = BatchBuilder::new(previous.seq.next());
    for payload in payloads {
        let entry = Entry {
            seq: builder.next_seq(),
            timestamp_ms: 1_000,
            op_type,
            id: EntryId::default(),
            key: Cow::Borrowed(b"default\0key"),
            payload: Cow::Borrowed(payload),
        };
        builder.push(&entry).unwrap();
    }
    let end = BatchEnd {
        epoch,
        previous,
        committed: Seq::ZERO,
        digest: None,
    };
    builder.seal(&end).unwrap()
}
