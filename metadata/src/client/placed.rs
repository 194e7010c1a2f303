use std::sync::Arc;

use standfast_core::Refusal;

use crate::v1;
use crate::v1::ErrorCode;

/// Where an object lies, or is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// As its writer gave it; `None` for one that is to be written.
    pub checksum: Option<u64>,
    /// At least one.
    pub replicas: Vec<ReplicaAt>,
}

/// One copy of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaAt {
    /// The segment it is in.
    pub segment: Arc<v1::SegmentRef>,
    /// Address of its first byte there.
    pub address: u64,
    /// Bytes.
    pub size: u64,
}

/// What a code and a message of an item say.
pub(super) fn refused(code: i32, message: &str) -> Result<(), Refusal> {
    match ErrorCode::try_from(code) {
        Ok(ErrorCode::Ok) => Ok(()),
        Ok(code) => Err(code.refuse(message.to_owned())),
        Err(_) => Err(ErrorCode::InvalidParams.refuse(format!(
            "code {code}, which this version does not know: {message}"
        ))),
    }
}

/// Turns the replicas of a response into those of an object.
pub(super) fn replicas(table: &[Arc<v1::SegmentRef>], replicas: &[v1::Replica]) -> Vec<ReplicaAt> {
    let at = |replica: &v1::Replica| {
        let segment = table.get(usize::try_from(replica.segment).ok()?)?;
        Some(ReplicaAt {
            segment: Arc::clone(segment),
            address: replica.address,
            size: replica.size,
        })
    };
    replicas.iter().filter_map(at).collect()
}
