//! Summing up a layered snapshot finds what a restore of it finds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use standfast_core::{ErrorKind, Manifest, PartRef, Result, Section, SnapshotId, SnapshotStore};

use crate::memory_store::MemoryFixture;
use crate::stories::Fixture;
use crate::stories::world::{Change, World};

/// Magic, format, reserved.
const PART_HEADER: usize = 8;
/// Number, rows, length.
const SECTION_HEADER: usize = 18;

/// What is done to one row, as [`crate::stories::map_service`] writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// Its last byte is another.
    Altered,
    /// It is not there, or its key is not said to be gone.
    Missing,
    /// A row that is set is said to be gone.
    Gone,
    Twice,
}

/// A snapshot with two layers, of a state of some sixty rows. Some rows of the base are set again, some are gone, and some
/// of those are back.
async fn layered(world: &World, store: &Arc<dyn SnapshotStore>) -> Manifest {
    let mut leader = world.cataloguer(store, 1);
    let mut manifests = Vec::new();
    let changes = [
        (0..60).map(|key| Change::Put(key, 1)).collect(),
        vec![Change::Put(1, 2), Change::Put(2, 2), Change::Remove(3)],
        vec![Change::Put(1, 3), Change::Remove(2), Change::Put(3, 3)],
    ];
    for changes in changes {
        world.change(&changes);
        manifests.push(world.publish(store).await.unwrap());
        leader.round().await.unwrap();
    }
    let newest = manifests.pop().unwrap();
    assert_eq!(newest.layers.len(), 2);
    newest
}

/// Every way in which one row of a part can be wrong in this way; without headers that say how many there are.
fn damaged(raw: &[u8], layer: bool, wrong: Wrong) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut at = PART_HEADER;
    while at < raw.len() {
        let number = |from: usize| u64::from_le_bytes(raw[from..from + 8].try_into().unwrap());
        let length = usize::try_from(number(at + 10)).unwrap();
        let body = at + SECTION_HEADER;
        let section = u16::from_le_bytes([raw[at], raw[at + 1]]);
        let section = Section::from_number(section).unwrap();
        // The first byte of a section of changes says that it is one.
        let mut row = body + usize::from(layer);
        while section.bucket().is_some() && row < body + length {
            let key = row + usize::from(layer);
            let value = key + 1 + usize::from(raw[key]);
            let end = value + 1 + usize::from(raw[value]);
            let old = &raw[row..end];
            let set = !layer || raw[row] == 1;
            let new = match wrong {
                Wrong::Altered if set => Some([&old[..old.len() - 1], &[77]].concat()),
                Wrong::Missing => Some(Vec::new()),
                Wrong::Gone if layer && set => Some([&[0], &old[1..=value - row]].concat()),
                Wrong::Twice => Some([old, old].concat()),
                _ => None,
            };
            all.extend(new.map(|mut new| {
                if wrong == Wrong::Gone {
                    *new.last_mut().unwrap() = 0;
                }
                let length = (length + new.len() - old.len()) as u64;
                let mut bytes = [&raw[..row], &new, &raw[end..]].concat();
                bytes[at + 10..at + 18].copy_from_slice(&length.to_le_bytes());
                bytes
            }));
            row = end;
        }
        at = body + length;
    }
    all
}

/// Stores a snapshot like this one but for one part.
async fn stored(
    store: &Arc<dyn SnapshotStore>,
    manifest: &Manifest,
    (at, raw): (usize, &[u8]),
    number: u64,
) -> Manifest {
    let mut other = manifest.clone();
    let part: &mut PartRef = &mut other.parts[at];
    let bytes = zstd::bulk::compress(raw, 1).unwrap();
    let section = |number| Section::from_number(number).unwrap();
    let sections = (section(part.first_section), section(part.last_section));
    let upload = store.begin().await.unwrap();
    *part = upload.put_part(bytes.into(), 1, sections).await.unwrap();
    other.id = SnapshotId::new(manifest.position.seq, number);
    other.layers[0].id = other.id.clone();
    store.propose(&other).await.unwrap();
    other
}

/// Whether a proof finds it good, and how many states it began to fill.
async fn proves(
    world: &World,
    store: &Arc<dyn SnapshotStore>,
    id: &SnapshotId,
) -> (Result<()>, usize) {
    let states = AtomicUsize::new(0);
    let empty = || {
        states.fetch_add(1, Ordering::Relaxed);
        world.empty()
    };
    let proved = world.publisher(store).prove(id, empty).await.map(drop);
    (proved, states.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_layered_snapshot_is_proved_without_a_scratch_state() {
    let store = MemoryFixture::new().await.store();
    let (sums, restores) = (World::new(true), World::new(false));
    let manifest = layered(&sums, &store).await;
    let (proved, states) = proves(&sums, &store, &manifest.id).await;
    proved.unwrap();
    assert_eq!(states, 1, "one that stays empty");
    let (proved, states) = proves(&restores, &store, &manifest.id).await;
    proved.unwrap();
    assert_eq!(states, 2, "and one that is filled");
}

#[tokio::test]
async fn a_sum_finds_every_row_of_a_layered_snapshot_that_a_restore_finds_wrong() {
    let store = MemoryFixture::new().await.store();
    let (sums, restores) = (World::new(true), World::new(false));
    let manifest = layered(&sums, &store).await;
    let reader = store.open(&manifest.id).await.unwrap();
    let (mut number, mut found) = (1_000, [0; 2]);
    for (at, part) in manifest.parts.iter().enumerate() {
        let stored_bytes = reader.read_part(part).await.unwrap();
        let raw = zstd::bulk::decompress(&stored_bytes, 1 << 20).unwrap();
        let layer = at < manifest.layer_parts();
        for wrong in [Wrong::Altered, Wrong::Missing, Wrong::Gone, Wrong::Twice] {
            for raw in damaged(&raw, layer, wrong) {
                number += 1;
                let other = stored(&store, &manifest, (at, &raw), number).await;
                let (sum, _) = proves(&sums, &store, &other.id).await;
                let (restore, _) = proves(&restores, &store, &other.id).await;
                if let Err(error) = &sum {
                    assert_eq!(*error.kind(), ErrorKind::Corrupt, "{error}");
                    found[usize::from(layer)] += 1;
                }
                // A restore does not mind to be told a row twice.
                let told_twice = wrong == Wrong::Twice && sum.is_err();
                let same = sum.is_err() == restore.is_err();
                assert!(
                    same || told_twice,
                    "part {at}, {wrong:?}: {sum:?}, {restore:?}"
                );
            }
        }
    }
    // Three ways to damage each of the 57 rows of the base that no layer tells. Of the newest layer 3 twice, 3 missing,
    // 2 altered and 2 gone; none of the older one, all of which the newest replaces.
    assert_eq!(found, [57 * 3, 10]);
}
