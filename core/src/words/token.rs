use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Epoch, Fingerprint, NodeId};

/// What a leader shows a store to be let in: proof of which term it acts for.
///
/// Every call that changes a store takes one. A store accepts an epoch that is higher than any it has
/// seen, or equal with the same `nonce` (our own lost answer), and refuses the rest as `Fenced`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FenceToken {
    /// The cluster it leads.
    pub cluster: Fingerprint,
    /// The term.
    pub epoch: Epoch,
    /// The node that leads it.
    pub holder: NodeId,
    /// Drawn for each campaign: tells two holders of one epoch apart.
    pub nonce: u128,
    /// What the election backend needs to recognise its own claim (a lease id, a file name); opaque.
    pub proof: String,
}

impl fmt::Debug for FenceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "FenceToken(epoch {} of {}, nonce {:x})",
            self.epoch, self.holder, self.nonce
        )
    }
}
