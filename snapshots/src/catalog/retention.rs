use std::collections::BTreeSet;

use standfast_core::{Listed, SnapshotId};

use crate::policy::SnapshotPolicy;

/// What is not kept: everything but the newest `keep`, and the newest `min_verified` of the verified, so that a row of
/// snapshots that cannot be verified never pushes out the last ones that can be relied on.
pub(super) fn retired(snapshots: &[Listed], policy: &SnapshotPolicy) -> BTreeSet<SnapshotId> {
    let newest = snapshots.iter().rev().take(policy.keep);
    let verified = snapshots
        .iter()
        .rev()
        .filter(|listed| listed.verified)
        .take(policy.min_verified);
    let kept: BTreeSet<_> = newest.chain(verified).map(|listed| &listed.id).collect();
    snapshots
        .iter()
        .filter(|listed| !kept.contains(&listed.id))
        .map(|listed| listed.id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use standfast_core::{Digest, Position, Seq};

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
            created_ms: 0,
            bytes: 0,
            rows: 0,
        }
    }

    fn retired_seqs(verified: &[bool], keep: usize, min_verified: usize) -> Vec<u64> {
        let snapshots: Vec<_> = (1..).zip(verified).map(|(n, v)| listed(n, *v)).collect();
        let policy = SnapshotPolicy {
            keep,
            min_verified,
            ..SnapshotPolicy::default()
        };
        let gone = retired(&snapshots, &policy);
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
}
