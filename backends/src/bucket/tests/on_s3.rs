//! The cases that need a store's calls or its objects in their hand, on a real S3.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use standfast_core::conformance::{
    Damage, SnapshotHarness, SnapshotSpace, Snapshots, Wire, WiredSnapshots,
};
use standfast_core::{Result, SnapshotStore};

use super::line::Line;
use super::unreliable::Unreliable;
use crate::bucket::BucketSnapshotStore;
use crate::bucket::options::RemoteOptions;
use crate::bucket::place::{Place, Remote};
use crate::bucket::remote;
use crate::suite::passes;

/// A prefix of its own in the bucket that the tests share.
fn place() -> (Remote, RemoteOptions) {
    let endpoint = std::env::var("STANDFAST_S3").unwrap_or_else(|_unset| {
        panic!(
            "STANDFAST_S3 names no S3: run `make test`, or `scripts/s3 DIR` beside this, and set it to what that prints"
        )
    });
    let url = format!("s3://standfast/own/{:016x}", rand::random::<u64>());
    let Ok(Place::Remote(place)) = Place::parse(Some(&url)) else {
        panic!("{url} is no place");
    };
    let options = RemoteOptions {
        endpoint: Some(endpoint),
        ..RemoteOptions::default()
    };
    (place, options)
}

fn store() -> Arc<dyn ObjectStore> {
    let (place, options) = place();
    remote::open(&place, &options).unwrap()
}

/// A cluster may have the name of a scratch place.
#[tokio::test]
async fn what_is_removed_with_a_scratch_place_is_of_its_own_cluster() {
    let (place, options) = place();
    let store = remote::open(&place, &options).unwrap();
    for name in ["c/part", "other/part"] {
        store.put(&Path::from(name), "x".into()).await.unwrap();
    }
    remote::delete_all(&place, &options, "c").await.unwrap();
    let left: Vec<_> = store.list(None).try_collect().await.unwrap();
    let left: Vec<_> = left.iter().map(|meta| meta.location.as_ref()).collect();
    assert_eq!(left, ["other/part"]);
}

#[derive(Debug)]
struct Gateway;

#[async_trait]
impl SnapshotHarness for Gateway {
    async fn space(&self) -> Result<Box<dyn SnapshotSpace>> {
        Ok(Box::new(Space(store())))
    }
}

struct Space(Arc<dyn ObjectStore>);

impl fmt::Debug for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Space")
    }
}

impl Space {
    async fn names(&self, folder: Option<&Path>) -> Vec<Path> {
        let found: Vec<_> = self.0.list(folder).try_collect().await.unwrap();
        found.into_iter().map(|meta| meta.location).collect()
    }

    async fn change(&self, folder: &str, how: impl Fn(Vec<u8>) -> Vec<u8> + Send) {
        for name in self.names(Some(&Path::from(folder))).await {
            let bytes = self.0.get(&name).await.unwrap().bytes().await.unwrap();
            let bytes = Bytes::from(how(bytes.to_vec()));
            self.0.put(&name, bytes.into()).await.unwrap();
        }
    }
}

#[async_trait]
impl SnapshotSpace for Space {
    async fn open(&self) -> Result<Arc<dyn SnapshotStore>> {
        Ok(Arc::new(BucketSnapshotStore::on(Arc::clone(&self.0), "c")))
    }

    async fn open_wired(&self) -> Result<Option<WiredSnapshots>> {
        let line = Arc::<Line>::default();
        let objects = Arc::new(Unreliable::around(Arc::clone(&self.0), &line));
        Ok(Some(WiredSnapshots {
            store: Arc::new(BucketSnapshotStore::on(objects, "c")),
            wire: line as Arc<dyn Wire>,
        }))
    }

    async fn damage(&self, how: Damage) -> Result<bool> {
        match how {
            Damage::Rot => {
                let rot = |mut bytes: Vec<u8>| {
                    bytes[0] ^= 1;
                    bytes
                };
                self.change("c/parts", rot).await;
            }
            Damage::Newer => {
                let newer = |bytes| {
                    let text = String::from_utf8(bytes).unwrap();
                    text.replace("\"format\": 1", "\"format\": 99").into()
                };
                for folder in ["c/manifests", "c/catalog"] {
                    self.change(folder, newer).await;
                }
            }
        }
        Ok(true)
    }

    async fn remove(&self) -> Result<()> {
        for name in self.names(None).await {
            self.0.delete(&name).await.unwrap();
        }
        Ok(())
    }
}

macro_rules! cases {
    (holds: $($case:ident),+;) => {
        $(
            #[test]
            fn $case() {
                passes::<Snapshots>(&(Arc::new(Gateway) as Arc<dyn SnapshotHarness>), stringify!($case));
            }
        )+
    };
}

cases!(
    holds:
        h14_rot_is_corrupt_and_names_the_part,
        h23_what_a_later_version_wrote_is_told_as_such,
        h24_a_publisher_held_between_any_two_calls_is_listed_whole_or_not,
        h01_a_leader_held_between_any_two_calls_undoes_nothing,
        h11_a_restore_is_safe_from_a_collector_held_between_any_two_calls,
        h11_a_restore_held_between_any_two_calls_keeps_what_it_relies_on,
        h24_a_collector_held_between_any_two_calls_deletes_nothing_newer,
        h03_a_lost_answer_at_any_call_is_no_lost_entry;
);
