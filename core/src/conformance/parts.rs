use super::failure::{Failure, Outcome};
use crate::election::Candidate;
use crate::error::{ErrorKind, Result};
use crate::words::{ClusterId, Epoch, FenceToken, Fingerprint, NodeId};

/// The cluster of the cases.
pub(super) fn cluster() -> Fingerprint {
    fingerprint([7; 16])
}

/// Another one of the same name.
pub(super) fn stranger() -> Fingerprint {
    fingerprint([8; 16])
}

fn fingerprint(drawn: [u8; 16]) -> Fingerprint {
    let name = ClusterId::new("conformance").expect("a valid name");
    Fingerprint::draw(&name, drawn)
}

/// A node's name.
pub(super) fn node(name: &str) -> NodeId {
    NodeId::new(name).expect("a valid name")
}

/// A node that stands for election.
pub(super) fn candidate(name: &str) -> Candidate {
    Candidate {
        node: node(name),
        endpoint: "127.0.0.1:7400".into(),
        http: "127.0.0.1:7480".into(),
    }
}

/// A token of `epoch`; its nonce is the epoch, so the same call gives the same token.
pub(super) fn token(epoch: u64) -> FenceToken {
    FenceToken {
        cluster: cluster(),
        epoch: Epoch(epoch),
        holder: node("a"),
        nonce: u128::from(epoch),
        proof: String::new(),
    }
}

/// Ends the case unless `result` is an error of `kind`.
pub(super) fn ensure_refused<T>(result: Result<T>, kind: &ErrorKind, what: &str) -> Outcome {
    match result {
        Ok(_) => Err(Failure::new(format!(
            "{what} was accepted; it had to be refused as {}",
            kind.name()
        ))),
        Err(error) if error.kind() == kind => Ok(()),
        Err(error) => Err(Failure::new(format!(
            "{what} had to be refused as {}, and was: {error}",
            kind.name()
        ))),
    }
}
