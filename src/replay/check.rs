use std::collections::{BTreeSet, HashSet};
use std::hash::BuildHasher;
use std::path::Path;

use standfast_core::Result;
use standfast_metadata::{ClientOptions, MetadataClient};

use super::block_store::BlockStore;
use super::{BlockKey, REACH, Record};

/// Keys that are looked for in one call.
const TOGETHER: usize = 1024;

/// What became of acknowledged puts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Distinct keys that were acknowledged.
    pub acknowledged: u64,
    /// Those that are not there though nobody removed them, in order. Any is a defect.
    pub missing: Vec<BlockKey>,
    /// Those that are not there because they were taken away on purpose.
    pub evicted: u64,
}

/// Asks the master for everything the record says it acknowledged. `removed` are the keys that were taken away on purpose,
/// as read from the log: what the master itself says of that is not believed.
///
/// # Errors
/// Whatever is wrong with the record, `Unavailable` when no node can be connected to, and `Unknown` when nobody leads.
///
/// # Cancel safety
/// Cancel safe: it only reads.
pub async fn check(
    record: &Path,
    endpoints: &[String],
    removed: &HashSet<BlockKey, impl BuildHasher + Sync>,
) -> Result<Checked> {
    let acknowledged = Record::read(record)?;
    let keys: BTreeSet<_> = acknowledged.into_iter().map(|one| one.key).collect();
    let mut patience = ClientOptions::default();
    patience.reach_within = REACH;
    let client = MetadataClient::connect(endpoints, patience).await?;
    look_for(&client, keys, removed).await
}

async fn look_for<S: BlockStore>(
    store: &S,
    keys: BTreeSet<BlockKey>,
    removed: &HashSet<BlockKey, impl BuildHasher + Sync>,
) -> Result<Checked> {
    let keys: Vec<_> = keys.into_iter().collect();
    let mut checked = Checked {
        acknowledged: keys.len() as u64,
        ..Checked::default()
    };
    for these in keys.chunks(TOGETHER) {
        let found = store.look_up(these).await?;
        for (key, found) in these.iter().zip(found) {
            match found {
                Ok(true) => {}
                // Refused is not found either: it was acknowledged, so it must be readable.
                _ if removed.contains(key) => checked.evicted += 1,
                _ => checked.missing.push(*key),
            }
        }
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::fake_store::FakeStore;

    fn keys(ids: std::ops::Range<u64>) -> BTreeSet<BlockKey> {
        ids.map(|id| BlockKey::of(id, 0)).collect()
    }

    #[tokio::test]
    async fn what_is_not_there_is_missing_unless_the_log_says_it_was_removed() {
        let store = FakeStore::holding(keys(0..3000));
        let lost = BlockKey::of(3001, 0);
        let removed = BlockKey::of(3002, 0);

        let mut asked = keys(0..3000);
        asked.extend([lost, removed]);
        let checked = look_for(&store, asked, &HashSet::from([removed])).await;

        let checked = checked.unwrap();
        assert_eq!(checked.acknowledged, 3002);
        assert_eq!(checked.missing, [lost]);
        assert_eq!(checked.evicted, 1);
    }

    #[tokio::test]
    async fn a_master_that_cannot_be_asked_is_no_verdict() {
        let store = FakeStore::holding(keys(0..1)).silent();
        assert!(look_for(&store, keys(0..1), &HashSet::new()).await.is_err());
    }
}
