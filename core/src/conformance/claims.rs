//! Two clusters that claim one storage at the same time (ST-1).

use std::sync::Arc;
use std::time::Duration;

use super::failure::{Failure, Outcome, ensure_eq};
use super::parts::{cluster, stranger};
use super::threads::{beside, join};
use crate::error::{ErrorKind, Result};
use crate::store::Store;
use crate::words::Fingerprint;

/// How many storages are claimed.
pub(super) const ROUNDS: usize = 5;
/// How often a store that is busy with another's claim is asked again, every ten milliseconds.
const TRIES: usize = 1000;

/// Claims a storage through two handles at once, each on a thread of its own, and tells whose it is: of one of them, and
/// the other was told so.
pub(super) async fn of_two_one_wins(a: Arc<dyn Store>, b: Arc<dyn Store>) -> Outcome<Fingerprint> {
    ensure_eq!(a.fingerprint().await?, None, "the fingerprint at first");
    let ours = beside(claim(a, cluster()));
    let theirs = beside(claim(b, stranger()));
    match (join(ours)?, join(theirs)?) {
        (Ok(()), Err(told)) if *told.kind() == ErrorKind::Foreign => Ok(cluster()),
        (Err(told), Ok(())) if *told.kind() == ErrorKind::Foreign => Ok(stranger()),
        (ours, theirs) => Err(Failure::new(format!(
            "of two clusters that claim a storage one wins and the other is told that it is foreign; they were told {ours:?} \
             and {theirs:?}"
        ))),
    }
}

/// Claims it, again as long as it cannot be reached: another may hold its lock.
async fn claim(store: Arc<dyn Store>, cluster: Fingerprint) -> Outcome<Result<()>> {
    for _ in 0..TRIES {
        match store.init(cluster).await {
            Err(error) if *error.kind() == ErrorKind::Unavailable => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            answer => return Ok(answer),
        }
    }
    Err(Failure::new(
        "the storage could not be reached for as long as it was claimed",
    ))
}
