//! What the stories share.

mod local;
mod primary;

pub(crate) use local::Node;
pub(crate) use primary::{Answered, Caller, Primary, digests};

use standfast_core::{Outcome, Refusal};
use standfast_metadata::{Answer, ErrorCode, Place, Question, SegmentId, SegmentInfo, Target};

/// A key of the default tenant.
pub(crate) fn key(name: &str) -> Target {
    Target::new(b"", name.as_bytes())
}

/// Segment number `n`, of `size` bytes, of a process of its own.
pub(crate) fn segment(n: u128, size: u64) -> SegmentInfo {
    SegmentInfo {
        id: SegmentId(n),
        incarnation: 1,
        name: format!("node-{n}"),
        endpoint: format!("10.0.0.{n}:9000"),
        base: 0x1000_0000,
        size,
        protocol: "tcp".to_owned(),
    }
}

/// The code of an item that was refused.
pub(crate) fn refused(outcome: &Outcome) -> ErrorCode {
    match outcome {
        Ok(reply) => panic!("not refused: {reply:?}"),
        Err(refusal) => ErrorCode::of(refusal),
    }
}

/// Where the replicas of a put that was started lie, and their size.
pub(crate) fn placed(outcome: &Outcome) -> (u64, Vec<Place>) {
    let reply = outcome.as_ref().expect("started");
    Place::of_reply(reply).expect("replicas")
}

/// Whether an object can be read.
pub(crate) fn exists(primary: &mut Primary, name: &str) -> bool {
    let question = Question::Exist {
        client: standfast_metadata::ClientId::NONE,
        targets: vec![key(name)],
    };
    match primary.ask(&question).0 {
        Answer::Exist(exist) => exist[0].clone().expect("a good key"),
        other => panic!("{other:?}"),
    }
}

/// Size, checksum, and where an object can be read: segment ids and offsets.
pub(crate) type Read = (u64, Option<u64>, Vec<(SegmentId, u64)>);

/// Reads an object.
pub(crate) fn located(primary: &mut Primary, name: &str) -> Result<Read, Refusal> {
    let question = Question::Locate {
        client: standfast_metadata::ClientId::NONE,
        targets: vec![key(name)],
    };
    let (Answer::Located { objects, .. }, _) = primary.ask(&question) else {
        panic!("an answer to another question");
    };
    objects[0].clone().map(|object| {
        let at = object.replicas.iter().map(|r| (r.segment.id, r.offset));
        (object.size, object.checksum, at.collect())
    })
}
