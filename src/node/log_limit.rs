use std::sync::Arc;
use std::time::Duration;

use standfast_core::{ByteSize, Result, Usage};
use standfast_master::TermHandle;
use tokio::time::MissedTickBehavior;

use super::shared::Shared;

/// How often the leader looks at the size of its log.
const LOOK: Duration = Duration::from_millis(100);

/// Looks at the size of the log while the node leads, and keeps the term read-only from the limit on until there is room
/// again. Runs until it is dropped.
///
/// # Cancel safety
/// Cancel safe: what was said to a term stays said.
pub(crate) async fn keep(shared: Arc<Shared>) -> Result<()> {
    let mut terms = shared.term.subscribe();
    loop {
        let term = terms.borrow_and_update().clone();
        let work = async {
            match &term {
                Some(term) => watch(&shared, term).await,
                None => std::future::pending().await,
            }
        };
        // Both arms are cancel safe.
        tokio::select! {
            () = work => {}
            changed = terms.changed() => if changed.is_err() {
                return Ok(());
            }
        }
    }
}

async fn watch(shared: &Shared, term: &TermHandle) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_over = false;
    loop {
        ticks.tick().await;
        let usage = match shared.sources.oplog.usage().await {
            Ok(Some(usage)) => usage,
            Ok(None) => return std::future::pending().await,
            Err(error) => {
                tracing::debug!(%error, "the size of the log is not known");
                continue;
            }
        };
        publish(&usage);
        let was_over = is_over;
        is_over = reaches_limit(&usage, was_over);
        let why = is_over.then(|| reason(&usage, shared.sources.snapshots.is_some()));
        match (&why, was_over) {
            (Some(why), false) => tracing::warn!(why, "no more writes are taken"),
            (None, true) => tracing::info!(bytes = usage.bytes, "writes are taken again"),
            _ => {}
        }
        if is_over || was_over {
            term.set_over_limit(why);
        }
    }
}

/// Whether writes are refused: from the limit on, until the log has come down to three quarters of it, so that it is not
/// at its limit again at once.
fn reaches_limit(usage: &Usage, was_over: bool) -> bool {
    usage.limit.is_some_and(|limit| {
        if was_over {
            usage.bytes > resumes_at(limit)
        } else {
            usage.bytes >= limit
        }
    })
}

const fn resumes_at(limit: u64) -> u64 {
    limit - limit / 4
}

/// What a write is told, and the status.
fn reason(usage: &Usage, is_trimmed: bool) -> String {
    let limit = usage.limit.unwrap_or_default();
    let way_out = if is_trimmed {
        format!(
            "writes are taken again when it was trimmed to {}. The primary makes the snapshots for that; if it does not \
             end, see why they fail or what holds the log, or raise max_bytes",
            ByteSize(resumes_at(limit))
        )
    } else {
        "[recovery] mode = \"log\" never trims it: raise max_bytes".to_owned()
    };
    format!(
        "the log has {} and may have [oplog] max_bytes = \"{}\"; {way_out}",
        ByteSize(usage.bytes),
        ByteSize(limit)
    )
}

#[expect(clippy::cast_precision_loss, reason = "gauges")]
fn publish(usage: &Usage) {
    metrics::gauge!("standfast_oplog_bytes").set(usage.bytes as f64);
    if let Some(limit) = usage.limit {
        metrics::gauge!("standfast_oplog_limit_bytes").set(limit as f64);
    }
    if let Some(available) = usage.available {
        metrics::gauge!("standfast_oplog_available_bytes").set(available as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(bytes: u64, limit: Option<u64>) -> Usage {
        Usage {
            bytes,
            limit,
            available: None,
        }
    }

    #[test]
    fn the_limit_is_left_well_below_where_it_was_reached() {
        let over = |bytes, was_over| reaches_limit(&usage(bytes, Some(1000)), was_over);
        assert!(!over(999, false) && over(1000, false));
        assert!(over(999, true) && over(751, true) && !over(750, true));
        assert!(!reaches_limit(&usage(u64::MAX, None), false));
    }

    #[test]
    fn a_write_hears_the_size_the_limit_and_the_way_out() {
        let usage = usage(9 << 20, Some(8 << 20));
        let told = reason(&usage, true);
        for part in [
            "9MiB",
            "max_bytes = \"8MiB\"",
            "trimmed to 6MiB",
            "raise max_bytes",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
        assert!(reason(&usage, false).contains("mode = \"log\" never trims"));
    }
}
