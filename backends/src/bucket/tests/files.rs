use std::path::PathBuf;

use standfast_core::{
    Clock, ClusterId, ErrorKind, Factory, NodeId, OpenContext, SnapshotStore, Store,
};
use tempfile::TempDir;

use super::support::{Folder, cluster, proposal};
use crate::bucket::BucketFactory;
use crate::builtin;

fn context(base: &TempDir) -> OpenContext {
    OpenContext {
        cluster: ClusterId::new("c").unwrap(),
        prefix: "/standfast".to_owned(),
        node: NodeId::new("a").unwrap(),
        data_dir: base.path().join("data"),
        base_dir: base.path().to_owned(),
        clock: Clock::manual(),
        make: true,
    }
}

fn check(toml: &str) -> Vec<String> {
    let factory: &dyn Factory<dyn SnapshotStore> = &BucketFactory;
    factory.check(&toml.parse().unwrap())
}

#[tokio::test]
async fn a_url_or_a_path_names_the_same_bucket() {
    let base = TempDir::new().unwrap();
    let registry = builtin();
    let factory = registry.snapshots.get("bucket").unwrap();
    let absolute = format!("url = \"file://{}/b\"", base.path().display());
    let store = factory
        .open(&absolute.parse().unwrap(), &context(&base))
        .await
        .unwrap();
    store.init(cluster()).await.unwrap();
    store.probe().await.unwrap();
    let relative = factory
        .open(&"url = \"b\"".parse().unwrap(), &context(&base))
        .await
        .unwrap();
    assert_eq!(relative.fingerprint().await.unwrap(), Some(cluster()));
    assert_eq!(relative.name(), "bucket");
    assert!(base.path().join("b/c/fingerprint").exists());
}

#[test]
fn every_problem_of_the_table_is_told() {
    assert!(check("")[0].contains("`url` is missing"));
    if cfg!(feature = "s3") {
        assert_eq!(check("url = \"s3://bucket\""), Vec::<String>::new());
    } else {
        assert!(check("url = \"s3://bucket\"")[0].contains("no `s3://`"));
    }
    assert!(check("url = \"file://relative\"")[0].contains("absolute"));
    assert!(check("url = \"file:///a%20b\"")[0].contains("unescaped"));
    assert!(check("url = 5")[0].contains('5'));
    assert!(check("url = \"b\"\nlevel = 3")[0].contains("unknown key `level`"));
    assert_eq!(check("url = \"../b\""), Vec::<String>::new());
}

#[tokio::test]
async fn a_path_below_a_file_cannot_be_opened_and_the_message_names_it() {
    let base = TempDir::new().unwrap();
    std::fs::write(base.path().join("file"), "").unwrap();
    let path: PathBuf = base.path().join("file/b");
    let error = crate::bucket::BucketSnapshotStore::open(&path, "c").await;
    let error = error.unwrap_err();
    assert!(error.to_string().contains("file/b"), "{error}");
    assert_ne!(*error.kind(), ErrorKind::Corrupt);
}

/// SS-7: damage is corrupt and names the part.
#[tokio::test]
async fn a_part_that_is_missing_cut_or_altered_is_corrupt_as_soon_as_it_is_read() {
    let bucket = Folder::new().await;
    let snapshot = proposal(&bucket, 5).await;
    let part = &snapshot.parts[0];
    let path = bucket.path(&format!("parts/{}/{}.zst", part.upload, part.blake3));
    let sound = std::fs::read(&path).unwrap();
    let reader = bucket.open(&snapshot.id).await.unwrap();
    assert_eq!(reader.read_part(part).await.unwrap(), sound);
    let mut altered = sound.clone();
    altered[3] ^= 4;
    for damage in [Some(&altered[..]), Some(&sound[..4]), None] {
        match damage {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let error = reader.read_part(part).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains(&part.blake3), "{error}");
    }
}

#[tokio::test]
async fn folders_of_any_depth_are_made() {
    let base = TempDir::new().unwrap();
    let path = base.path().join("x/y/z");
    let store = crate::bucket::BucketSnapshotStore::open(&path, "c")
        .await
        .unwrap();
    store.init(cluster()).await.unwrap();
    assert!(path.join("c/parts").is_dir());
}

#[tokio::test]
async fn before_init_nothing_is_written_and_the_message_says_what_to_run() {
    let base = TempDir::new().unwrap();
    let store = crate::bucket::BucketSnapshotStore::open(base.path(), "c")
        .await
        .unwrap();
    assert_eq!(store.fingerprint().await.unwrap(), None);
    let error = store.begin().await.map(drop).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotFound);
    assert!(
        error.to_string().contains("standfast cluster init"),
        "{error}"
    );
}
