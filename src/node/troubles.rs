//! Which troubles a node that runs goes on after, and how.

use std::time::Duration;

use standfast_core::ErrorKind;

/// Pause before following is tried again.
const PAUSE: Duration = Duration::from_millis(200);
/// The same where a store refuses us: checking a password costs it much.
const REFUSED_PAUSE: Duration = Duration::from_secs(2);

/// Troubles that pass by themselves, or when somebody mounts the disk again.
pub(super) const fn passes(kind: &ErrorKind) -> bool {
    kind.retry()
        || is_refusal(kind)
        || matches!(
            kind,
            ErrorKind::Quota | ErrorKind::Fenced | ErrorKind::NotFound
        )
}

/// A store that refuses us now and did not when the node started: somebody changes passwords or certificates, and is not
/// done yet.
const fn is_refusal(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::Auth)
}

/// A state that was kept after a term may be beside the lineage: then a fresh one is made.
pub(super) const fn may_begin_again(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::LogRegressed | ErrorKind::Gap)
}

/// Whether a promotion failed for a reason that another campaign can outlive.
pub(super) const fn may_stand_again(kind: &ErrorKind) -> bool {
    kind.retry()
        || is_refusal(kind)
        || matches!(
            kind,
            ErrorKind::Fenced | ErrorKind::Indeterminate | ErrorKind::Quota
        )
}

/// How long to wait before what met a trouble that passes is tried again.
pub(super) const fn pause_after(kind: &ErrorKind) -> Duration {
    if is_refusal(kind) {
        REFUSED_PAUSE
    } else {
        PAUSE
    }
}
