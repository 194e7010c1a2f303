use serde::{Deserialize, Serialize};

use standfast_core::{Epoch, Error, ErrorKind, LogId, NodeId, Position, Result, TermRecord};

/// [`TermRecord`] with log ids as text: JSON has no numbers of 128 bits.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TermFields {
    epoch: Epoch,
    in_sync: Vec<(NodeId, String)>,
    committed: Position,
}

impl From<&TermRecord> for TermFields {
    fn from(record: &TermRecord) -> Self {
        Self {
            epoch: record.epoch,
            in_sync: record
                .in_sync
                .iter()
                .map(|(node, log)| (node.clone(), format!("{:032x}", log.0)))
                .collect(),
            committed: record.committed,
        }
    }
}

impl TermFields {
    /// # Errors
    /// `Corrupt` when a log id is none.
    pub(crate) fn into_record(self) -> Result<TermRecord> {
        let member = |(node, log): (_, String)| {
            u128::from_str_radix(&log, 16)
                .map(|log| (node, LogId(log)))
                .map_err(|source| Error::new(ErrorKind::Corrupt, "read term record").source(source))
        };
        Ok(TermRecord {
            epoch: self.epoch,
            in_sync: self
                .in_sync
                .into_iter()
                .map(member)
                .collect::<Result<_>>()?,
            committed: self.committed,
        })
    }
}
