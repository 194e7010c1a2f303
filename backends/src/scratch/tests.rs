use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use standfast_core::{
    Clock, ClusterId, Factory, Fingerprint, NodeId, OpLogStore, Scratch, SnapshotStore, Store,
};
use tempfile::TempDir;

use super::*;
use crate::builtin;

fn configured(base: &TempDir) -> OpenContext {
    OpenContext {
        cluster: ClusterId::new("c").unwrap(),
        prefix: "/standfast".to_owned(),
        node: NodeId::new("a").unwrap(),
        data_dir: base.path().join("data"),
        base_dir: base.path().to_owned(),
        clock: Clock::manual(),
        make: false,
    }
}

/// Tries a scratch place of a store that was never made, and one of a store that is there.
async fn try_out<S: Store + ?Sized + 'static>(factory: &Arc<dyn Factory<S>>, table: &str) {
    let base = TempDir::new().unwrap();
    let (table, configured) = (table.parse().unwrap(), configured(&base));
    for made in [false, true] {
        if made {
            let made = context(&configured);
            let store = factory.open(&table, &made).await.unwrap();
            store.init(fingerprint(1)).await.unwrap();
        }
        let before = listed(base.path());
        let [a, b] = ["a", "b-2"].map(|name| factory.scratch(&table, &configured, name).unwrap());
        for (scratch, drawn) in [(&a, 2), (&b, 3)] {
            for _ in 0..2 {
                let store = factory
                    .open(&scratch.table, &scratch.context)
                    .await
                    .unwrap();
                store.init(fingerprint(drawn)).await.unwrap();
            }
        }
        factory.remove_scratch(&a).await.unwrap();
        let opened = factory.open(&b.table, &b.context).await.unwrap();
        assert_eq!(opened.fingerprint().await.unwrap(), Some(fingerprint(3)));
        drop(opened);
        for _ in 0..2 {
            factory.remove_scratch(&b).await.unwrap();
        }
        assert_eq!(listed(base.path()), before);
        let opened = factory.open(&a.table, &a.context).await.unwrap();
        assert_eq!(opened.fingerprint().await.unwrap(), None);
        drop(opened);
        factory.remove_scratch(&a).await.unwrap();
    }
    let refused = Scratch {
        table: table.clone(),
        context: configured.clone(),
    };
    let error = factory.remove_scratch(&refused).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Config, "{error}");
    let store = factory.open(&table, &configured).await.unwrap();
    assert_eq!(store.fingerprint().await.unwrap(), Some(fingerprint(1)));
}

fn fingerprint(drawn: u8) -> Fingerprint {
    Fingerprint::draw(&ClusterId::new("c").unwrap(), [drawn; 16])
}

type OfLogs = Arc<dyn Factory<dyn OpLogStore>>;
type OfSnapshots = Arc<dyn Factory<dyn SnapshotStore>>;

fn factories() -> (OfLogs, OfSnapshots) {
    let registry = builtin();
    let log = Arc::clone(registry.oplogs.get("file").unwrap());
    (log, Arc::clone(registry.snapshots.get("bucket").unwrap()))
}

#[tokio::test]
async fn two_clusters_in_one_bucket_have_scratch_places_of_their_own() {
    let base = TempDir::new().unwrap();
    let (_log, bucket) = factories();
    let table = r#"url = "bucket""#.parse().unwrap();
    let c = configured(&base);
    let d = OpenContext {
        cluster: ClusterId::new("d").unwrap(),
        ..c.clone()
    };
    let [c, d] = [c, d].map(|context| bucket.scratch(&table, &context, "same").unwrap());
    for (scratch, drawn) in [(&c, 1), (&d, 2)] {
        let store = bucket.open(&scratch.table, &scratch.context).await.unwrap();
        store.init(fingerprint(drawn)).await.unwrap();
    }
    bucket.remove_scratch(&c).await.unwrap();
    let left = bucket.open(&d.table, &d.context).await.unwrap();
    assert_eq!(left.fingerprint().await.unwrap(), Some(fingerprint(2)));
}

#[test]
fn a_folder_with_something_in_it_is_no_scratch_place() {
    let base = TempDir::new().unwrap();
    let (log, bucket) = factories();
    let context = configured(&base);
    // A log, and a cluster whose name is that of a scratch place.
    let kept = ["log/scratch-a/meta", "bucket/scratch-a.c/fingerprint"];
    for path in kept.map(|path| base.path().join(path)) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "kept").unwrap();
    }
    let table = r#"dir = "log""#.parse().unwrap();
    let refused = log.scratch(&table, &context, "a").unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::AlreadyExists, "{refused}");
    assert!(
        refused.to_string().contains("log/scratch-a is in use"),
        "{refused}"
    );
    let table = r#"url = "bucket""#.parse().unwrap();
    let refused = bucket.scratch(&table, &context, "a").unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::AlreadyExists, "{refused}");
    bucket.scratch(&table, &context, "b").unwrap();
}

#[test]
fn a_path_that_a_table_cannot_hold_is_refused() {
    let base = TempDir::new().unwrap();
    let (log, bucket) = factories();
    let not_utf8 = OpenContext {
        base_dir: base.path().join(OsStr::from_bytes(b"caf\xe9")),
        ..configured(&base)
    };
    let refused = log
        .scratch(&toml::Table::new(), &not_utf8, "a")
        .unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Config, "{refused}");
    let table = r#"url = "bucket""#.parse().unwrap();
    let refused = bucket.scratch(&table, &not_utf8, "a").unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Config, "{refused}");
}

/// Every path below `dir`.
fn listed(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(listed(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_scratch_place_is_apart_and_goes_without_a_trace() {
    let registry = builtin();
    for (kind, table) in [
        ("memory", r#"name = "scratch-test""#),
        ("file", r#"dir = "x/y""#),
    ] {
        try_out::<dyn OpLogStore>(registry.oplogs.get(kind).unwrap(), table).await;
        try_out(registry.elections.get(kind).unwrap(), table).await;
    }
    let bucket = registry.snapshots.get("bucket").unwrap();
    try_out::<dyn SnapshotStore>(bucket, r#"url = "x/y""#).await;
}
