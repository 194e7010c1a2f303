//! A process is killed at every single call to its object store, and what goes on is another process over the same
//! files.

use std::collections::BTreeSet;
use std::fs::{File, FileTimes};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use standfast_backends::bucket::BucketSnapshotStore;
use standfast_core::{CatalogEntry, PartRef, SnapshotStore};
use tempfile::TempDir;

use crate::bucket::files_below;
use crate::mortal::{Death, Life, Mortal};
use crate::stories::interrupted::all_listed_restores;
use crate::stories::world::{Change, World, cluster};

/// The bucket's files, and a way to die over them.
struct Remains(TempDir);

impl Remains {
    async fn with_snapshots(world: &World) -> Self {
        let remains = Self(TempDir::new().unwrap());
        let store = remains.reopen().await;
        store.init(cluster()).await.unwrap();
        let mut leader = world.cataloguer(&store, 1);
        for byte in 2..6 {
            let (_, round) = world
                .next_snapshot(&store, &mut leader, byte)
                .await
                .unwrap();
            round.collected.unwrap();
        }
        remains
    }

    /// The store of a process that begins.
    async fn reopen(&self) -> Arc<dyn SnapshotStore> {
        let opened = BucketSnapshotStore::open(self.0.path(), "stories").await;
        Arc::new(opened.unwrap())
    }

    /// The store of a process that will die.
    fn mortal(&self, death: Death) -> (Arc<dyn SnapshotStore>, Arc<Life>) {
        let life = Life::until(death);
        let objects = Arc::new(Mortal::new(self.0.path(), &life));
        (Arc::new(BucketSnapshotStore::on(objects, "stories")), life)
    }

    fn names(&self, folder: &str) -> BTreeSet<String> {
        let folder = self.0.path().join("stories").join(folder);
        files_below(&folder)
            .iter()
            .map(|path| path.strip_prefix(&folder).unwrap())
            .map(|path| path.to_str().unwrap().to_owned())
            .collect()
    }

    /// What is there that the entry does not list and does not explain by an upload that may be alive.
    async fn unexplained(&self, entry: &CatalogEntry) -> Vec<String> {
        let store = self.reopen().await;
        let mut parts = BTreeSet::new();
        for listed in &entry.snapshots {
            let reader = store.open(&listed.id).await.unwrap();
            parts.extend(reader.manifest().parts.iter().map(part_name));
        }
        let oldest = format!("{:020}", entry.oldest_upload);
        let mut found = self.names("parts");
        found.retain(|name| !parts.contains(name) && *name < oldest);
        let mut unexplained = Vec::from_iter(found);
        for id in store.proposals().await.unwrap() {
            let reader = store.open(&id).await.unwrap();
            let revoked = |part: &PartRef| part.upload.began_on < entry.oldest_upload;
            if entry.find(&id).is_none() && reader.manifest().parts.iter().any(revoked) {
                unexplained.push(id.0);
            }
        }
        unexplained
    }

    /// Many hours pass for whatever is half written.
    fn grow_old(&self) {
        let long_ago = FileTimes::new().set_modified(UNIX_EPOCH);
        for path in files_below(self.0.path()) {
            if path.display().to_string().contains('#') {
                let file = File::options().write(true).open(path).unwrap();
                file.set_times(long_ago).unwrap();
            }
        }
    }

    /// After a few more snapshots, nothing but what is listed is there.
    async fn comes_clean(&self, world: &World, epoch: u64) {
        self.grow_old();
        let store = self.reopen().await;
        let mut leader = world.cataloguer(&store, epoch);
        let mut entry = leader.round().await.unwrap().entry;
        for byte in 20..24 {
            let (_, round) = world
                .next_snapshot(&store, &mut leader, byte)
                .await
                .unwrap();
            round.collected.unwrap();
            entry = round.entry;
        }
        let listed = entry.snapshots.iter().map(|listed| &listed.id);
        let documents: BTreeSet<_> = listed.clone().map(|id| format!("{id}.json")).collect();
        assert_eq!(self.names("manifests"), documents);
        assert_eq!(self.names("attestations"), documents);
        let mut parts = BTreeSet::new();
        for id in listed {
            let reader = store.open(id).await.unwrap();
            parts.extend(reader.manifest().parts.iter().map(part_name));
        }
        assert_eq!(self.names("parts"), parts);
        let mut halves = self.names("");
        halves.retain(|name| name.contains('#'));
        assert_eq!(halves, BTreeSet::new());
    }
}

fn part_name(part: &PartRef) -> String {
    format!("{}/{}.zst", part.upload, part.blake3)
}

/// Every way to die: after each call, and within each put, until the work is done before it comes to it.
fn deaths() -> [fn(usize) -> Death; 2] {
    [Death::After, Death::Within]
}

#[tokio::test]
async fn a_publisher_killed_at_any_call_leaves_what_restores_and_what_is_collected() {
    let world = World::with_rows(400);
    let remains = Remains::with_snapshots(&world).await;
    let mut epoch = 1;
    let mut layers = 0;
    for death in deaths() {
        for at in 0.. {
            world.change(&[Change::Put(7, 7), Change::Count]);
            let (store, life) = remains.mortal(death(at));
            let published = world.publish(&store).await;
            drop(store);

            let store = remains.reopen().await;
            all_listed_restores(&world, &store).await;
            epoch += 1;
            let mut leader = world.cataloguer(&store, epoch);
            let (manifest, round) = world.next_snapshot(&store, &mut leader, 9).await.unwrap();
            round.collected.unwrap();
            let entry = all_listed_restores(&world, &store).await;
            assert_eq!(entry.newest().unwrap().id, manifest.id);
            assert_eq!(
                remains.unexplained(&entry).await,
                [""; 0],
                "{:?}",
                death(at)
            );
            if !life.is_over() {
                layers += published.unwrap().layers.len();
                // A part, the manifest and the attestation are the least that it puts.
                assert!(at >= 3, "only {at} deaths");
                break;
            }
            published.unwrap_err();
        }
    }
    assert_eq!(layers, 2, "what was cut was a layer");
    remains.comes_clean(&world, epoch + 1).await;
}

#[tokio::test]
async fn a_leader_killed_at_any_call_of_listing_and_collecting_is_followed_by_one_that_finishes() {
    let world = World::with_rows(400);
    let remains = Remains::with_snapshots(&world).await;
    let mut epoch = 1;
    let mut layers = 0;
    for death in deaths() {
        for at in 0.. {
            world.change(&[Change::Put(7, 7), Change::Count]);
            let manifest = world.publish(&remains.reopen().await).await.unwrap();
            let (store, life) = remains.mortal(death(at));
            epoch += 1;
            let cut = world.cataloguer(&store, epoch).round().await;
            drop(store);

            let store = remains.reopen().await;
            all_listed_restores(&world, &store).await;
            epoch += 1;
            let round = world.cataloguer(&store, epoch).round().await.unwrap();
            round.collected.unwrap();
            let entry = all_listed_restores(&world, &store).await;
            assert_eq!(entry.newest().unwrap().id, manifest.id);
            let listed = entry.snapshots.len();
            assert!(
                (3..=4).contains(&listed),
                "the newest, and one of another base"
            );
            layers += usize::from(!manifest.layers.is_empty());
            assert_eq!(
                remains.unexplained(&entry).await,
                [""; 0],
                "{:?}",
                death(at)
            );
            if !life.is_over() {
                cut.unwrap().collected.unwrap();
                // The entry and the hint are all that it puts.
                assert!(at >= 2, "only {at} deaths");
                break;
            }
        }
    }
    assert!(layers > 4, "only {layers} were layers");
    remains.comes_clean(&world, epoch + 1).await;
}
