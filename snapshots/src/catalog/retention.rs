use std::collections::BTreeSet;
use std::time::Duration;

use standfast_core::{Listed, SnapshotId};

use crate::policy::SnapshotPolicy;

/// What is not kept: everything but the newest `keep`, what is young by `keep_for`, and the newest `min_verified` of
/// the verified, so that a row of snapshots that cannot be verified never pushes out the last ones that can be relied on.
///
/// Age counts from the newest snapshot, not from now: no clock is read, and a cluster that was down for a week has lost
/// none when it comes back.
pub(super) fn retired(snapshots: &[Listed], policy: &SnapshotPolicy) -> BTreeSet<SnapshotId> {
    let newest = snapshots.iter().rev().take(policy.keep);
    let verified = snapshots
        .iter()
        .rev()
        .filter(|listed| listed.verified)
        .take(policy.min_verified);
    let made_last = snapshots.iter().map(|listed| listed.created_ms).max();
    let age = |listed: &Listed| made_last.unwrap_or(0) - listed.created_ms;
    let young = snapshots
        .iter()
        .filter(|listed| Duration::from_millis(age(listed)) < policy.keep_for.0);
    let kept = newest.chain(verified).chain(young);
    let kept: BTreeSet<_> = kept.map(|listed| &listed.id).collect();
    snapshots
        .iter()
        .filter(|listed| !kept.contains(&listed.id))
        .map(|listed| listed.id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use standfast_core::{Digest, Position, Seq, Span};

    use super::*;

    fn listed(seq: u64, verified: bool) -> Listed {
        let position = Position {
            seq: Seq(seq),
            ..Position::default()
        };
        Listed {
            id: SnapshotId::new(Seq(seq), 0),
            position,
            digest: Digest::default(),
            verified,
            created_ms: seq * 1000,
            bytes: 0,
            rows: 0,
        }
    }

    fn retired_seqs(verified: &[bool], keep: usize, min_verified: usize) -> Vec<u64> {
        let policy = SnapshotPolicy {
            keep,
            min_verified,
            ..SnapshotPolicy::default()
        };
        retired_by(verified, &policy)
    }

    /// One snapshot a second.
    fn retired_by(verified: &[bool], policy: &SnapshotPolicy) -> Vec<u64> {
        let snapshots: Vec<_> = (1..).zip(verified).map(|(n, v)| listed(n, *v)).collect();
        let gone = retired(&snapshots, policy);
        let stays = snapshots.iter().filter(|s| gone.contains(&s.id));
        stays.map(|s| s.position.seq.0).collect()
    }

    #[test]
    fn the_newest_are_kept() {
        assert_eq!(retired_seqs(&[true; 5], 3, 2), [1, 2]);
        assert_eq!(retired_seqs(&[true; 2], 3, 2), [0; 0]);
    }

    #[test]
    fn unverified_snapshots_never_push_out_the_last_verified_ones() {
        let snapshots = [true, true, true, false, false, false, false];
        assert_eq!(retired_seqs(&snapshots, 3, 2), [1, 4]);
    }

    #[test]
    fn a_snapshot_is_retired_only_when_count_and_age_both_allow_it() {
        let by = |keep, keep_for| SnapshotPolicy {
            keep,
            keep_for,
            ..SnapshotPolicy::default()
        };
        let all = [true; 6];
        assert_eq!(retired_by(&all, &by(3, Span::millis(4500))), [1]);
        assert_eq!(retired_by(&all, &by(3, Span::millis(1500))), [1, 2, 3]);
        assert_eq!(retired_by(&all, &by(9, Span::millis(1500))), [0; 0]);
    }
}
