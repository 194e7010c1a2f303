use std::time::Duration;

use standfast_core::{Epoch, Error, ErrorKind, NodeId, Result, TermEndReason};
use standfast_master::TermHandle;
use tokio::sync::MutexGuard;

use super::cover::{cover, cover_before_the_end, covered};
use super::shared::Shared;

/// Hands the term over to a standby that has applied everything: `to` if named, else the first that is there.
/// Returns the successor and how long writes had to wait here.
///
/// # Errors
/// `NotPrimary` when this node does not lead; `Invalid` when it is `to` itself; `Busy` when it is handing over already;
/// `NotFound` when the standby is not connected; `Timeout` when it did not reach the tail in `switchover_timeout`: intake is
/// open again then. Without a log the same for the snapshot that holds the tail.
///
/// # Cancel safety
/// Cancel safe: intake opens again, unless the term was stopped by then.
pub(crate) async fn switchover(shared: &Shared, to: Option<&NodeId>) -> Result<(NodeId, Duration)> {
    let _only = only(shared, "switchover")?;
    hand_over(shared, to).await
}

/// Gives the term up to whoever campaigns first.
///
/// # Errors
/// `NotPrimary` when this node does not lead; `Busy` when it is handing over already. Without a log those of making the
/// snapshot that holds everything: intake is open again then.
///
/// # Cancel safety
/// Cancel safe: intake opens again, unless the term was stopped by then.
pub(crate) async fn step_down(shared: &Shared) -> Result<()> {
    let Some(term) = shared.term() else {
        let address = shared.primary_endpoint();
        return Err(Error::new(ErrorKind::NotPrimary { address }, "step down"));
    };
    let _only = only(shared, "step down")?;
    tracing::info!("step-down asked for");
    let patience = shared.config.master.switchover_timeout.0;
    let _held = cover(shared, &term, patience)
        .await
        .map_err(|error| error.context("this node still leads"))?;
    term.stop(TermEndReason::Switchover(None));
    over(shared, term.token().epoch).await;
    Ok(())
}

fn only<'a>(shared: &'a Shared, what: &'static str) -> Result<MutexGuard<'a, ()>> {
    shared.handing_over.try_lock().map_err(|source| {
        Error::new(ErrorKind::Busy, what)
            .context("this node is handing over already: see `standfast status`")
            .source(source)
    })
}

async fn hand_over(shared: &Shared, to: Option<&NodeId>) -> Result<(NodeId, Duration)> {
    let Some(term) = shared.term() else {
        let address = shared.primary_endpoint();
        return Err(Error::new(ErrorKind::NotPrimary { address }, "switchover"));
    };
    if let Some(node) = to.filter(|node| **node == shared.sources.candidate.node) {
        return Err(
            Error::new(ErrorKind::Invalid, "switchover").context(format!(
                "`{node}` leads already, in epoch {}",
                term.token().epoch
            )),
        );
    }
    let present = shared.standbys.present();
    let known = to.map_or(!present.is_empty(), |node| present.contains_key(node));
    if !known {
        let names: Vec<_> = present.keys().map(NodeId::as_str).collect();
        let wanted = to.map_or_else(
            || "any standby".to_owned(),
            |node| format!("standby `{node}`"),
        );
        return Err(
            Error::new(ErrorKind::NotFound, "switchover").context(format!(
                "{wanted} is not connected to this primary; connected: {}",
                if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                }
            )),
        );
    }
    let patience = shared.config.master.switchover_timeout.0;
    let begun = shared.clock.now();
    let held = term.close_intake(patience).await?;
    let left = || patience.saturating_sub(shared.clock.now().since(begun));
    let mut tail = held.position;
    if !shared.sources.log_outlives_term() {
        tail = covered(shared, &term, left()).await?;
    }
    let left = left();
    let reached = async {
        let chosen = match &shared.outlet {
            // It has a log of its own, and says so on another stream.
            Some(outlet) => Some(outlet.choose(to, tail).await),
            None => to.cloned(),
        };
        shared.standbys.reached(tail, chosen.as_ref()).await
    };
    let Ok(successor) = tokio::time::timeout(left, reached).await else {
        return Err(
            Error::new(ErrorKind::Timeout, "switchover").context(format!(
                "no standby reached {tail} within {patience:?}; this node still leads"
            )),
        );
    };
    term.stop(TermEndReason::Switchover(Some(successor.clone())));
    over(shared, term.token().epoch).await;
    let pause = shared.clock.now().since(begun);
    metrics::histogram!("standfast_switchover_seconds").record(pause.as_secs_f64());
    Ok((successor, pause))
}

/// The node is asked to stop: hands over if it leads and somebody can take over, else just ends the term.
///
/// # Errors
/// Without a log, when what was acknowledged is in no snapshot: it is lost. The term has ended all the same.
pub(crate) async fn leave(shared: &Shared) -> Result<()> {
    let _only = shared.handing_over.lock().await;
    let Some(term) = shared.term() else {
        return Ok(());
    };
    match hand_over(shared, None).await {
        Ok((successor, pause)) => tracing::info!(%successor, ?pause, "handed over"),
        Err(error) => {
            tracing::info!(%error, "nobody to hand over to; the term ends");
            let covered = cover_before_the_end(shared, &term).await;
            term.stop(TermEndReason::Shutdown);
            over(shared, term.token().epoch).await;
            covered?;
        }
    }
    Ok(())
}

/// Waits until this node no longer leads in `epoch`.
///
/// # Cancel safety
/// Cancel safe: changes nothing.
pub(crate) async fn over(shared: &Shared, epoch: Epoch) {
    let mut terms = shared.term.subscribe();
    let another =
        |term: &Option<TermHandle>| term.as_ref().is_none_or(|term| term.token().epoch != epoch);
    if let Err(error) = terms.wait_for(another).await {
        tracing::debug!(%error, "the role loop is gone");
    }
}
