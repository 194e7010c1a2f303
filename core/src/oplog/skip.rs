use serde::{Deserialize, Serialize};

use crate::words::{Epoch, NodeId, Position, Seq};

/// An entry that no node can apply, passed over on an operator's word by every node that meets it.
///
/// ```text
///   ...[41..44] [45..60]      [61..70]      |
///                  ^ seq        digests of   ^ through
///            the batch ends     whoever could apply it: not compared
///            at `batch`
/// ```
///
/// It is durable in the log's store before anybody passes the entry over, and is never collected (R7): whoever replays
/// the entry, at any later time, passes it over too, and comes to the same state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skip {
    /// The entry.
    pub seq: Seq,
    /// End of the batch that holds it. Another history has other entries under this Seq, and they are applied.
    pub batch: Position,
    /// End of the log when it was decided. The digest of a state from `seq` to here may be that of a writer which had
    /// applied the entry.
    pub through: Seq,
    /// The epoch it was decided under: nobody led.
    pub epoch: Epoch,
    /// By the configuration of which node.
    pub node: NodeId,
    /// Why, in the operator's words.
    pub reason: String,
}
