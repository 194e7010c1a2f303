use bytes::Bytes;
use rand::seq::index;
use standfast_metadata::{Placement, PutObject};

use super::lender::lender;
use crate::command::Failure;
use crate::command::bench::dataset::{SIZE, key};

/// Objects a call.
const BATCH: usize = 256;

/// Removes a random hundredth of so many objects, and puts each again elsewhere.
pub(super) async fn a_hundredth(endpoint: &str, objects: u64) -> Result<(), Failure> {
    let client = lender(endpoint).await?;
    let objects = usize::try_from(objects)?;
    let chosen = index::sample(&mut rand::rng(), objects, (objects / 100).max(1)).into_vec();
    for batch in chosen.chunks(BATCH) {
        let puts: Vec<_> = batch.iter().map(|number| object(*number as u64)).collect();
        let keys: Vec<_> = puts.iter().map(|put| put.key.clone()).collect();
        for removed in client.remove(&keys, true).await? {
            removed.map_err(|refusal| {
                format!("cannot remove an object of the dataset: {refusal:?}")
            })?;
        }
        for placed in client.put(&puts, &Placement::default()).await? {
            placed.map_err(|refusal| format!("cannot put it again: {refusal:?}"))?;
        }
    }
    Ok(())
}

fn object(number: u64) -> PutObject {
    PutObject {
        key: Bytes::from(key(number)),
        size: SIZE,
        checksum: None,
    }
}
