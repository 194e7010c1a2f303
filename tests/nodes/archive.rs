//! A snapshot in a file: written beside nodes that serve, and gone on from in another place.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::lender::{all_exist, client, lender, objects, put_all};
use crate::node::{TestNode, standfast};
use crate::support::{TestCluster, same_state};

const PATIENCE: Duration = Duration::from_mins(1);

/// Configurations of a cluster whose clients stay known, however long a test takes.
fn prepare(names: &[&str]) -> TestCluster {
    let cluster = TestCluster::prepare(names, "1h");
    for node in &cluster.nodes {
        let text = fs::read_to_string(&node.config).unwrap();
        let patient = text + "[metadata]\nclient_ttl = \"1h\"\n";
        fs::write(&node.config, patient).unwrap();
    }
    cluster
}

async fn asked(node: &TestNode, words: &[&str]) -> Value {
    let output = node.command(&[words, &["-o", "json"]].concat()).await;
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Makes a snapshot of what all nodes know, and waits until it is verified.
async fn snapshot(cluster: &TestCluster) {
    let count = cluster.nodes.len();
    cluster
        .until("all to know it", |status| same_state(status, count))
        .await;
    let made = asked(&cluster.nodes[0], &["snapshot", "create"]).await;
    cluster
        .until("it to be verified", |status| {
            let mut nodes = status.nodes.iter();
            nodes.all(|node| Some(node.verified_seq.0) >= made["seq"].as_u64())
        })
        .await;
}

async fn export(node: &TestNode, to: &Path) -> Value {
    asked(node, &["snapshot", "export", "--to", to.to_str().unwrap()]).await
}

async fn import(node: &TestNode, file: &Path) -> Output {
    let words = ["snapshot", "import", file.to_str().unwrap(), "-o", "json"];
    node.command(&words).await
}

async fn imported(node: &TestNode, file: &Path) -> Value {
    let output = import(node, file).await;
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the command said when it failed.
async fn refused(node: &TestNode, file: &Path) -> String {
    let output = import(node, file).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn names(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

fn remove_stores(cluster: &TestCluster) {
    for store in ["log", "election", "bucket"] {
        fs::remove_dir_all(cluster.dir.path().join(store)).unwrap();
    }
}

/// A cluster of one node that was exported, with what it held.
async fn one_exported() -> (TestCluster, PathBuf) {
    let mut cluster = prepare(&["a"]);
    cluster.launch().await;
    let client = lender(&cluster, PATIENCE).await;
    put_all(&client, &objects(0..100, 32)).await;
    snapshot(&cluster).await;
    let file = cluster.dir.path().join("exported");
    export(&cluster.nodes[0], &file).await;
    (cluster, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_beside_a_load_is_imported_elsewhere_and_goes_on_there() {
    let mut from = prepare(&["a", "b"]);
    from.launch().await;
    let lends = lender(&from, PATIENCE).await;
    let puts = objects(0..2000, 32);
    put_all(&lends, &puts[..1900]).await;
    snapshot(&from).await;
    put_all(&lends, &puts[1900..]).await;
    // A layer on the one before.
    snapshot(&from).await;
    let load = from.load(7).await;
    let file = from.dir.path().join("exported");
    let exported = export(&from.nodes[0], &file).await;
    load.acknowledged_more(500).await;
    assert_eq!(load.verdict(&from).await.missing, []);
    assert_eq!(fs::metadata(&file).unwrap().len(), exported["bytes"]);
    assert!(exported["parts"].as_u64() > Some(1), "{exported:#}");
    let pins = from.dir.path().join("bucket/test/pins");
    let pinned = names(&pins).into_iter().flat_map(|pin| names(&pin));
    assert_eq!(pinned.count(), 0);

    let mut to = prepare(&["a", "b"]);
    let told = imported(&to.nodes[0], &file).await;
    assert_eq!(told["position"], exported["position"]);
    assert_eq!(told["digest"], exported["digest"]);
    let planned = asked(&to.nodes[1], &["recover", "--plan"]).await;
    assert_eq!(planned["start"]["to"], exported["position"], "{planned:#}");
    assert_eq!(planned["start"]["digest"], exported["digest"]);
    assert_eq!(planned["snapshots"][0]["verified"], true, "{planned:#}");
    to.nodes[0].start();
    let served = to.until("a", |status| same_state(status, 1)).await;
    let epoch = exported["position"]["epoch"].as_u64().unwrap();
    assert!(served.epoch.0 > epoch, "{served:#?}");
    // A lender of its own would take the place of the one that the state knows.
    let client = client(&to, PATIENCE).await;
    all_exist(&client, &puts).await;
    put_all(&client, &objects(5000..5500, 32)).await;
    to.nodes[1].start();
    to.until("b to join", |status| same_state(status, 2)).await;

    // And once more from the disks alone.
    for node in &mut to.nodes {
        node.kill().await;
    }
    to.verify_log().await;
    to.nodes[1].start();
    all_exist(&client, &objects(5000..5500, 32)).await;
    all_exist(&client, &puts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_lost_everything_is_imported_into_its_own_configuration() {
    let (mut cluster, file) = one_exported().await;
    let told = refused(&cluster.nodes[0], &file).await;
    assert!(told.contains("[oplog] is of cluster"), "{told}");
    cluster.nodes[0].kill().await;
    let told = refused(&cluster.nodes[0], &file).await;
    assert!(told.contains("were never initialised"), "{told}");
    for left in ["log", "election", "bucket"] {
        let others = ["log", "election", "bucket"];
        for store in others.into_iter().filter(|store| *store != left) {
            let path = cluster.dir.path().join(store);
            fs::rename(&path, path.with_extension("kept")).unwrap();
        }
        let told = refused(&cluster.nodes[0], &file).await;
        assert!(told.contains("is of cluster"), "{left}: {told}");
        for store in others.into_iter().filter(|store| *store != left) {
            let path = cluster.dir.path().join(store);
            fs::remove_dir_all(&path).unwrap();
            fs::rename(path.with_extension("kept"), &path).unwrap();
        }
    }

    remove_stores(&cluster);
    let told = refused(&cluster.nodes[0], &file).await;
    assert!(told.contains("name a new one for each node"), "{told}");
    fs::remove_dir_all(&cluster.nodes[0].data_dir).unwrap();
    imported(&cluster.nodes[0], &file).await;
    cluster.nodes[0].start();
    let reader = client(&cluster, PATIENCE).await;
    all_exist(&reader, &objects(0..100, 32)).await;
    let lender = lender(&cluster, PATIENCE).await;
    put_all(&lender, &objects(100..200, 32)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_was_damaged_is_refused_and_leaves_nothing() {
    let (_from, file) = one_exported().await;
    let whole = fs::read(&file).unwrap();
    let mut altered = whole.clone();
    *altered.last_mut().unwrap() ^= 1;
    let damaged = file.with_extension("damaged");
    let to = prepare(&["a"]);
    let node = &to.nodes[0];
    let before = names(to.dir.path());
    for (bytes, place) in [
        (&whole[..whole.len() - 1], "it was cut short"),
        (&altered[..], "it was altered"),
        (b"not an archive", "it has 14 bytes"),
    ] {
        fs::write(&damaged, bytes).unwrap();
        let told = refused(node, &damaged).await;
        assert!(told.contains(place), "{told}");
        assert_eq!(names(to.dir.path()), before);
    }
    let config = fs::read_to_string(&node.config).unwrap();
    fs::write(&node.config, config.replace("\"test\"", "\"other\"")).unwrap();
    let told = refused(node, &file).await;
    assert!(told.contains("is of cluster `test`"), "{told}");
    assert_eq!(names(to.dir.path()), before);
    fs::write(&node.config, config).unwrap();
    imported(node, &file).await;
}

/// The same archive, with another digest in its header and a hash that vouches for it.
fn with_another_digest(archive: &[u8]) -> Vec<u8> {
    let length = u32::from_le_bytes(*archive[12..].first_chunk().unwrap()) as usize;
    let (header, parts) = archive[48..].split_at(length);
    let field = b"\"digest\":\"";
    let at = header.windows(field.len()).position(|found| found == field);
    let mut header = header.to_vec();
    let digit = &mut header[at.unwrap() + field.len()];
    *digit = if *digit == b'0' { b'1' } else { b'0' };
    let hash = blake3::hash(&header);
    [&archive[..16], hash.as_bytes(), &header, parts].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_fails_half_way_is_served_by_nobody_and_says_what_to_empty() {
    let (_from, file) = one_exported().await;
    let forged = file.with_extension("forged");
    fs::write(&forged, with_another_digest(&fs::read(&file).unwrap())).unwrap();
    let to = prepare(&["a"]);
    let told = refused(&to.nodes[0], &forged).await;
    assert!(told.contains("digest"), "{told}");
    assert!(told.contains("empty the stores of [oplog]"), "{told}");
    let served = to.nodes[0].command(&["serve"]).await;
    assert_eq!(served.status.code(), Some(1), "{served:?}");
    let told = refused(&to.nodes[0], &file).await;
    assert!(told.contains("were never initialised"), "{told}");
    remove_stores(&to);
    imported(&to.nodes[0], &file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_overwrites_nothing_and_leaves_nothing_when_it_is_interrupted() {
    let (mut cluster, file) = one_exported().await;
    cluster.nodes[0].kill().await;
    let node = &cluster.nodes[0];
    let words = ["snapshot", "export", "--to", file.to_str().unwrap()];
    let again = node.command(&words).await;
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(told.contains("exists already"), "{told}");

    // A part that never comes.
    let parts = cluster.dir.path().join("bucket/test/parts");
    let part = names(&names(&parts)[0]).pop().unwrap();
    fs::remove_file(&part).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&part)
            .status()
            .unwrap()
            .success()
    );
    let folder = cluster.dir.path().join("exports");
    fs::create_dir(&folder).unwrap();
    let mut child = standfast()
        .args(["snapshot", "export", "--to"])
        .arg(folder.join("interrupted"))
        .arg("--config")
        .arg(&node.config)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let give_up = Instant::now() + PATIENCE;
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    while names(&folder).is_empty() {
        assert!(Instant::now() < give_up, "it does not begin");
        ticks.tick().await;
    }
    let pid = child.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &pid]).status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().await.unwrap().code(), Some(1));
    assert_eq!(names(&folder), Vec::<PathBuf>::new());
    let pins = cluster.dir.path().join("bucket/test/pins");
    let pinned = names(&pins).into_iter().flat_map(|pin| names(&pin));
    assert_eq!(pinned.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_damaged_catalog_a_snapshot_that_is_named_is_exported_all_the_same() {
    let (mut cluster, first) = one_exported().await;
    cluster.nodes[0].kill().await;
    let entries = names(&cluster.dir.path().join("bucket/test/catalog"));
    fs::write(entries.last().unwrap(), "{").unwrap();
    let file = cluster.dir.path().join("again");
    let words = ["snapshot", "export", "--to", file.to_str().unwrap()];
    let unnamed = cluster.nodes[0].command(&words).await;
    assert_eq!(unnamed.status.code(), Some(1), "{unnamed:?}");
    let there = names(&cluster.dir.path().join("bucket/test/manifests"));
    let id = there.last().unwrap().file_stem().unwrap().to_str().unwrap();
    let told = String::from_utf8(unnamed.stderr).unwrap();
    assert!(told.contains("--id") && told.contains(id), "{told}");
    let named = [&words[..], &["--id", id]].concat();
    let exported = asked(&cluster.nodes[0], &named).await;
    assert_eq!(exported["id"], id);
    assert_eq!(fs::read(file).unwrap(), fs::read(first).unwrap());
}
