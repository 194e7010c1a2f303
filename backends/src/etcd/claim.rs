use etcd_client::{Compare, Txn, TxnOp};

use super::ends::Ends;
use super::error::{corrupt, error, foreign};
use super::head::Head;
use super::records::FenceRecord;
use super::space::Space;
use super::transaction::{delete, is, is_absent, put};
use crate::record::encode;
use standfast_core::{ErrorKind, FenceToken, Position, Result, Seq};

/// How a term begins.
///
/// ```text
///   look               the ends, all at one moment
///   compare            the fence must be lower than the token, or its own with nothing appended
///   one transaction    if fence and head are still what was looked at: the new fence
/// ```
///
/// Every append compares the whole fence, so none of a lower epoch is done after that. What is in the store is committed:
/// the log ends where the head says, and nothing is left to settle.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    /// The fence as it is stored: what every write compares.
    pub(super) fence: Vec<u8>,
    /// The head as it is stored, when there is one.
    pub(super) head: Option<Vec<u8>>,
    /// Where the log ends.
    pub(super) tail: Position,
    /// What all batches took that were ever appended.
    pub(super) bytes: u64,
}

/// What is written together with a fence.
pub(super) enum With {
    Nothing,
    /// The log begins anew behind this Position, without what was there.
    Beginning(Position),
    /// A record under a key, which nothing else may be under.
    Record(String, Vec<u8>),
}

impl Claim {
    /// Lets `token` in.
    ///
    /// # Errors
    /// `Fenced`, `Foreign`; `Corrupt` when the last batch is not what the head says; `Quota`, `Unavailable`.
    ///
    /// # Cancel safety
    /// The fence may stay.
    pub(super) async fn make(
        space: &Space,
        token: &FenceToken,
        operation: &'static str,
        with: &With,
    ) -> Result<Self> {
        // Of all openings only this one's.
        let fence = encode(&FenceRecord::of(token, rand::random()))?;
        loop {
            let ends = space.ends(operation).await?;
            if let Some(there) = &ends.fence
                && there.bytes == fence
            {
                // Ours, with the answer lost. Nobody but us appends under it, and we have not begun.
                return Self::settle(space, operation, fence, &ends).await;
            }
            check(space, &ends, token, operation)?;
            let claim = claim(space, &ends, &fence, with);
            let done = space.connection().call(operation, |mut clients| {
                let claim = claim.clone();
                async move { clients.kv.txn(claim).await }
            });
            // Whether it was this try or one whose answer was lost, the next look tells.
            if !done.await?.succeeded()
                && let With::Record(key, _) = with
                && space.is_there(operation, key).await?
                && !space.is_fenced_by(operation, &fence).await?
            {
                let what = format!("{key} is there: do it again under a higher epoch");
                return Err(error(ErrorKind::Fenced, operation).context(what));
            }
        }
    }

    async fn settle(
        space: &Space,
        operation: &'static str,
        fence: Vec<u8>,
        ends: &Ends,
    ) -> Result<Self> {
        check_tail(space, operation, ends, &fence).await?;
        Ok(Self {
            fence,
            head: ends.head.as_ref().map(|head| head.bytes.clone()),
            tail: ends.tail(),
            bytes: ends.bytes(),
        })
    }
}

/// Whether `token` may be let in (OL-4).
///
/// # Errors
/// `Fenced`, `Foreign`.
fn check(space: &Space, ends: &Ends, token: &FenceToken, operation: &'static str) -> Result<()> {
    let own = ends.cluster;
    if own != token.cluster {
        return Err(foreign(
            operation,
            space.layout().root(),
            own,
            token.cluster,
        ));
    }
    let Some(fence) = &ends.fence else {
        return Ok(());
    };
    let fence = &fence.is;
    let again = fence.is_of(token);
    if token.epoch < fence.epoch || (token.epoch == fence.epoch && !again) {
        return Err(error(ErrorKind::Fenced, operation).context(format!(
            "epoch {} is not higher than {}",
            token.epoch, fence.epoch
        )));
    }
    if again && ends.tail().epoch == fence.epoch {
        return Err(error(ErrorKind::Fenced, operation).context(format!(
            "epoch {} has appended already: reopen under a higher one",
            token.epoch
        )));
    }
    Ok(())
}

/// The transaction that lays the fence, if nothing has changed since the look.
fn claim(space: &Space, ends: &Ends, fence: &[u8], with: &With) -> Txn {
    let layout = space.layout();
    let there = ends.fence.as_ref().map(|fence| &*fence.bytes);
    let head = ends.head.as_ref().map(|head| &*head.bytes);
    let mut when: Vec<Compare> = vec![is(layout.fence(), there), is(layout.head(), head)];
    let mut then: Vec<TxnOp> = vec![put(layout.fence(), fence)];
    match with {
        With::Nothing => {}
        With::Beginning(position) => {
            let head = Head {
                position: *position,
                begun: true,
                bytes: ends.bytes(),
            };
            then.push(delete(layout.batches_from(Seq::ZERO)));
            then.push(put(layout.head(), &head.encode()));
        }
        With::Record(key, record) => {
            when.push(is_absent(key.clone()));
            then.push(put(key.clone(), record));
        }
    }
    Txn::new().when(when).and_then(then)
}

/// Whether the last batch is what the head says. Whoever took batches away by hand is told now, not when they are read.
async fn check_tail(
    space: &Space,
    operation: &'static str,
    ends: &Ends,
    fence: &[u8],
) -> Result<()> {
    let Some(head) = ends.head.as_ref().filter(|head| !head.is.begun) else {
        return Ok(());
    };
    let tail = head.is.position;
    let around = space.around(operation, tail).await?;
    // Somebody may have come, appended and trimmed since: what is there now says nothing of what we found.
    if around.ends.fence.is_none_or(|now| now.bytes != fence) {
        return Err(error(ErrorKind::Fenced, operation).context("another epoch was let in"));
    }
    let last = around.before.map(|last| last.batch.end());
    if last == Some(tail) && around.after.is_none() {
        return Ok(());
    }
    let found = last.map_or_else(|| "nothing".to_owned(), |last| last.to_string());
    let what = format!("it names {tail}, and the last batch there is {found}");
    Err(corrupt(operation, &space.layout().head(), &what))
}
