use etcd_client::{GetOptions, Txn};

use super::ends::first_of;
use super::error::{error, foreign};
use super::space::Space;
use super::transaction::{delete, is};
use standfast_core::{ErrorKind, FenceToken, Position, Result, Seq, TrimGuard};

const OPERATION: &str = "trim";

/// So many batches go in one transaction: etcd does nothing else meanwhile.
const AT_ONCE: i64 = 1000;

/// Removes batches: asks the guard, THEN deletes from the bottom up, each time on the condition that the token holds the
/// fence. Cut between two deletions it leaves a shorter log that is as whole.
///
/// Other stores write a floor first and ask the guard after, so that a reader who finds something missing can tell a trim
/// from a loss. Here the first batch is the floor, and nothing is ever missing above it. Nothing is written, so that etcd
/// does it even when it is full.
pub(super) async fn trim(space: &Space, through: Seq, guard: &dyn TrimGuard) -> Result<Seq> {
    let token = guard.token();
    held_by(space, token).await?;
    let needed = guard.lowest_needed().await?;
    let through = needed.map_or(through, |seq| through.min(Seq(seq.0.saturating_sub(1))));
    if let Some(floor) = new_floor(space, through).await? {
        while delete_below(space, token, floor).await? {}
    }
    // Also when there was nothing to do: the guard may have taken its time.
    held_by(space, token).await.map(|(_, floor)| floor)
}

/// The fence as it is stored, and the floor.
///
/// # Errors
/// `Fenced` when another than `token` holds it; `Foreign`.
async fn held_by(space: &Space, token: &FenceToken) -> Result<(Vec<u8>, Seq)> {
    let ends = space.ends(OPERATION).await?;
    let (own, root) = (ends.cluster, space.layout().root());
    if own != token.cluster {
        return Err(foreign(OPERATION, root, own, token.cluster));
    }
    let floor = ends.floor();
    match ends.fence {
        Some(fence) if fence.is.is_of(token) => Ok((fence.bytes, floor)),
        other => {
            let holder = other.map_or_else(|| "nobody".to_owned(), |o| o.is.epoch.to_string());
            let what = format!("{holder} holds the log, not {}", token.epoch);
            Err(error(ErrorKind::Fenced, OPERATION).context(what))
        }
    }
}

/// The first entry of the batch that becomes the first: all below end at or below `through`, and it is there.
async fn new_floor(space: &Space, through: Seq) -> Result<Option<Seq>> {
    // Whoever says "everything" names a Seq that is far away.
    let tail = space.ends(OPERATION).await?.tail();
    let cut = Position {
        seq: through.min(tail.seq),
        ..Position::default()
    };
    let around = space.around(OPERATION, cut).await?;
    Ok(match (around.before, around.after) {
        (Some(before), Some(after)) if before.batch.last() <= through => Some(after.batch.first()),
        (Some(before), _) => Some(before.batch.first()),
        (None, _) => None,
    })
}

/// Deletes the lowest batches below `floor`; whether some may be left.
async fn delete_below(space: &Space, token: &FenceToken, floor: Seq) -> Result<bool> {
    let (fence, _) = held_by(space, token).await?;
    let layout = space.layout();
    let (from, end) = (layout.batch(Seq::ZERO), layout.batch(floor));
    let options = GetOptions::new()
        .with_range(end.as_str())
        .with_keys_only()
        .with_limit(AT_ONCE);
    let lowest = space.connection().call(OPERATION, |mut clients| {
        let (from, options) = (from.as_str(), options.clone());
        async move { clients.kv.get(from, Some(options)).await }
    });
    let lowest = lowest.await?;
    let Some(last) = lowest.kvs().last() else {
        return Ok(false);
    };
    // What lies between two batches and is none would go with them.
    for kv in lowest.kvs() {
        first_of(layout, kv.key())?;
    }
    // Up to the last one found, with it.
    let mut upto = String::from_utf8_lossy(last.key()).into_owned();
    upto.push('\0');
    let deletion = Txn::new()
        .when([is(layout.fence(), Some(&fence))])
        .and_then([delete((from.clone(), upto))]);
    let done = space.connection().call(OPERATION, |mut clients| {
        let deletion = deletion.clone();
        async move { clients.kv.txn(deletion).await }
    });
    if !done.await?.succeeded() {
        return Err(error(ErrorKind::Fenced, OPERATION).context("another epoch was let in"));
    }
    Ok(lowest.more())
}
