use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use standfast::node::Stores;
use standfast_core::{Listed, Reach, Result};
use standfast_snapshots::{EphemeralOpLog, is_damage};

/// A primary lists proposals at each look.
const LISTS_A_LOOK: u64 = 1;
/// At the newest entry of the catalog, and for the next.
const READS_A_LOOK: u64 = 2;
/// Of the catalog, at most: that which lists a snapshot, and that which calls it verified.
const ENTRIES_A_SNAPSHOT: u64 = 2;
/// To collect: pins twice, attestations, manifests, parts, probes.
const LISTS_AN_ENTRY: u64 = 6;
/// To trim the log: pins, twice.
const LISTS_A_SNAPSHOT: u64 = ENTRIES_A_SNAPSHOT * LISTS_AN_ENTRY + 2;
/// Besides the manifests that are listed: what an entry is built on and checked against, as one is counted at a gateway.
const READS_AN_ENTRY: u64 = 12;
/// To list, to trim and to collect.
const READS_A_MANIFEST: u64 = 3;
/// The entry, the hint, and a probe for the time of the store.
const WRITES_AN_ENTRY: u64 = 3;
/// Also a snapshot's manifest and its attestation.
const WRITES_A_SNAPSHOT: u64 = ENTRIES_A_SNAPSHOT * WRITES_AN_ENTRY + 2;
const DAY: Duration = Duration::from_hours(24);

/// What a bucket that may take money for requests holds, and is asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held {
    look_every_ms: u64,
    /// Snapshots that are listed.
    snapshots: u64,
    /// All parts that they refer to.
    bytes: u64,
    /// What the newest of them added.
    added_parts: u64,
    added_bytes: u64,
    /// All parts of the newest, which a drill reads.
    newest_parts: u64,
    newest_bytes: u64,
}

impl Held {
    /// Looks at the manifests of what is listed. None: the store is no server.
    pub(super) async fn look(stores: &Stores, listed: &[Listed]) -> Result<Option<Self>> {
        let Some(store) = &stores.snapshots else {
            return Ok(None);
        };
        let capabilities = store.capabilities();
        if capabilities.reach != Reach::Cluster {
            return Ok(None);
        }
        let (mut parts, mut added, mut newest) = (BTreeMap::new(), (0, 0), (0, 0));
        for snapshot in listed {
            let reader = match store.open(&snapshot.id).await {
                Ok(reader) => reader,
                // `snapshot list` tells what is wrong with it.
                Err(error) if is_damage(&error) => {
                    tracing::warn!(%error, snapshot = %snapshot.id, "left out of what the bucket holds");
                    continue;
                }
                Err(error) => return Err(error),
            };
            let manifest = reader.manifest();
            let own = manifest.parts.iter().filter(|part| manifest.is_own(part));
            added = own.fold((0, 0), |(count, bytes), part| {
                (count + 1, bytes + part.size)
            });
            newest = (manifest.parts.len() as u64, manifest.bytes());
            for part in &manifest.parts {
                let name = (part.upload.to_string(), part.blake3.clone());
                parts.insert(name, part.size);
            }
        }
        Ok(Some(Self {
            look_every_ms: capabilities.look_every_ms,
            snapshots: listed.len() as u64,
            bytes: parts.values().sum(),
            added_parts: added.0,
            added_bytes: added.1,
            newest_parts: newest.0,
            newest_bytes: newest.1,
        }))
    }
}

/// What the requests of a day come to, of a cluster that writes as it has written so far.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Bucket {
    /// Bytes of all parts that are listed.
    pub(super) held_bytes: u64,
    pub(super) lists_per_day: u64,
    /// By the primary, while nothing keeps it from trimming the log.
    pub(super) reads_per_day: u64,
    /// By each standby, its drills included.
    pub(super) standby_reads_per_day: u64,
    /// None: nobody knows how fast the log grows.
    pub(super) made_per_day: Option<PerDay>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct PerDay {
    pub(super) snapshots: u64,
    pub(super) writes: u64,
    pub(super) lists: u64,
    /// Each is read back whole, its base included, to be proved; and manifests.
    pub(super) reads: u64,
    pub(super) uploaded_bytes: u64,
    pub(super) read_back_bytes: u64,
}

impl Bucket {
    /// With so long from one snapshot to the next, and from one drill of a standby to its next. Without a log standbys
    /// follow the catalog instead.
    pub(super) fn of(
        held: &Held,
        between_s: Option<f64>,
        drill_every: Duration,
        keeps_log: bool,
    ) -> Self {
        let drills = in_a_day(drill_every);
        let looks = in_a_day(Duration::from_millis(held.look_every_ms));
        let standby_looks = if keeps_log {
            looks
        } else {
            looks + in_a_day(EphemeralOpLog::LOOKED_AT_EVERY)
        };
        Self {
            held_bytes: held.bytes,
            lists_per_day: looks * LISTS_A_LOOK,
            reads_per_day: looks * READS_A_LOOK,
            standby_reads_per_day: standby_looks * READS_A_LOOK + drills * held.newest_parts,
            made_per_day: between_s.map(|between| PerDay::of(held, between)),
        }
    }
}

impl PerDay {
    fn of(held: &Held, between_s: f64) -> Self {
        let reads_an_entry = READS_AN_ENTRY + READS_A_MANIFEST * held.snapshots;
        let snapshots = super::prediction::whole(DAY.as_secs_f64() / between_s.max(1.0));
        Self {
            snapshots,
            writes: snapshots * (held.added_parts + WRITES_A_SNAPSHOT),
            lists: snapshots * LISTS_A_SNAPSHOT,
            reads: snapshots * (held.newest_parts + ENTRIES_A_SNAPSHOT * reads_an_entry),
            uploaded_bytes: snapshots * held.added_bytes,
            read_back_bytes: snapshots * held.newest_bytes,
        }
    }
}

/// How often, of what is done so often; never, of what is done at no time.
fn in_a_day(every: Duration) -> u64 {
    let times = DAY.as_millis().checked_div(every.as_millis());
    times.map_or(0, |times| u64::try_from(times).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_so_many_looks_and_so_many_snapshots() {
        let held = Held {
            look_every_ms: 2000,
            snapshots: 3,
            bytes: 500,
            added_parts: 4,
            added_bytes: 100,
            newest_parts: 10,
            newest_bytes: 400,
        };
        let bucket = Bucket::of(&held, Some(300.0), Duration::from_hours(6), true);
        assert_eq!(bucket.held_bytes, 500);
        assert_eq!(
            (bucket.lists_per_day, bucket.reads_per_day),
            (43_200, 86_400)
        );
        assert_eq!(bucket.standby_reads_per_day, 86_440);
        let made = bucket.made_per_day.unwrap();
        assert_eq!((made.snapshots, made.writes), (288, 3456));
        assert_eq!(
            (made.lists, made.reads, made.uploaded_bytes),
            (4032, 14_976, 28_800)
        );
        assert_eq!(made.read_back_bytes, 115_200);
        let idle = Bucket::of(&held, None, Duration::ZERO, false);
        assert_eq!(
            (idle.standby_reads_per_day, idle.made_per_day),
            (777_600, None)
        );
    }
}
