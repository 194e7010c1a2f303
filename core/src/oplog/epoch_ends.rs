use super::{OpLogStore, ReadLimit};
use crate::error::Result;
use crate::words::Position;

/// Where each epoch ends in the log, oldest first: of its committed batches. Reads all of the log.
///
/// # Errors
/// As [`OpLogStore::read`].
///
/// # Cancel safety
/// Cancel safe: changes nothing.
pub async fn epoch_ends(store: &dyn OpLogStore) -> Result<Vec<Position>> {
    let mut ends: Vec<Position> = Vec::new();
    let mut position = store.bounds().await?.before_floor;
    loop {
        let batches = store.read(position, ReadLimit::default()).await?;
        if batches.is_empty() {
            return Ok(ends);
        }
        for batch in batches {
            position = batch.end();
            add_end(&mut ends, position);
        }
    }
}

/// Adds the end of a batch that follows those of `ends`.
pub fn add_end(ends: &mut Vec<Position>, end: Position) {
    match ends.last_mut() {
        Some(last) if last.epoch == end.epoch => *last = end,
        _ => ends.push(end),
    }
}

/// The last Position that two logs have in common, by where their epochs end.
///
/// One node writes in an epoch, and it appends only: two logs that both hold batches of an epoch are the same up to the one
/// that ends first (log matching, as in Raft section 5.3; by epochs' ends as in Kafka's KIP-101).
pub fn common_end(ours: &[Position], theirs: &[Position]) -> Option<Position> {
    theirs.iter().rev().find_map(|their| {
        let our = ours.iter().find(|our| our.epoch == their.epoch)?;
        Some(if our.seq < their.seq { *our } else { *their })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Chain, Epoch, Seq};

    fn end(epoch: u64, seq: u64) -> Position {
        Position {
            epoch: Epoch(epoch),
            seq: Seq(seq),
            chain: Chain::of(&seq.to_le_bytes()),
        }
    }

    #[test]
    fn what_two_logs_have_in_common_ends_in_the_highest_epoch_that_both_hold() {
        let ours = [end(1, 10), end(2, 20), end(4, 40)];
        for (theirs, common) in [
            (vec![end(1, 10), end(2, 25)], Some(end(2, 20))),
            (vec![end(1, 10), end(2, 15), end(3, 50)], Some(end(2, 15))),
            (vec![end(1, 7), end(3, 9)], Some(end(1, 7))),
            (vec![end(1, 10), end(2, 20), end(4, 41)], Some(end(4, 40))),
            (vec![end(3, 9)], None),
            (vec![], None),
        ] {
            assert_eq!(common_end(&ours, &theirs), common, "{theirs:?}");
        }
    }
}
