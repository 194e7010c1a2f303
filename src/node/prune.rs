use standfast_core::{Error, ErrorKind, Result, Span};
use standfast_snapshots::{Cataloguer, Pruned};
use tokio::sync::{mpsc, oneshot};

use super::shared::Shared;

/// Asks the leader's snapshot task to prune.
#[derive(Debug)]
pub(crate) struct Prune {
    /// So many are kept, newest first.
    pub(crate) keep: usize,
    /// Kept besides while less than so much older than the newest.
    pub(crate) keep_for: Span,
    /// Only say what would be retired.
    pub(crate) dry_run: bool,
    reply: oneshot::Sender<Result<Pruned>>,
}

impl Prune {
    /// Does what was asked for. Whoever asked may have gone.
    pub(super) async fn answer(self, cataloguer: &mut Cataloguer) {
        let pruned = if self.dry_run {
            cataloguer.would_prune(self.keep, self.keep_for).await
        } else {
            cataloguer.prune(self.keep, self.keep_for).await
        };
        drop(self.reply.send(pruned));
    }
}

/// Retires what these limits do not keep, or says what it would retire.
///
/// # Errors
/// `Config` when the mode has no snapshots; `Invalid` for limits that keep none; `NotPrimary` where the catalog is not
/// kept; as [`Cataloguer::prune`].
///
/// # Cancel safety
/// Cancel safe: snapshots may be retired all the same.
pub(crate) async fn prune(
    shared: &Shared,
    keep: u64,
    keep_for: Span,
    dry_run: bool,
) -> Result<Pruned> {
    if shared.sources.snapshots.is_none() {
        return Err(Error::new(ErrorKind::Config, "prune snapshots")
            .context("[recovery] mode = \"log\" has no snapshots"));
    }
    if keep == 0 {
        return Err(
            Error::new(ErrorKind::Invalid, "prune snapshots").context("keep = 0: want at least 1")
        );
    }
    let not_primary = || {
        let address = shared.primary_endpoint();
        Error::new(ErrorKind::NotPrimary { address }, "prune snapshots")
    };
    let leader: mpsc::Sender<Prune> = shared.prunes.borrow().clone().ok_or_else(not_primary)?;
    let (reply, answer) = oneshot::channel();
    let request = Prune {
        keep: usize::try_from(keep).unwrap_or(usize::MAX),
        keep_for,
        dry_run,
        reply,
    };
    // The task ends with the term.
    let asked = leader.send(request).await;
    asked.map_err(|source| not_primary().source(source))?;
    answer
        .await
        .map_err(|source| not_primary().source(source))?
}
