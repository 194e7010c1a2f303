//! Rule 9: what the metrics tell of lag, refusals, entries in flight and entries given up is what the clients see.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use standfast_metadata::{ErrorCode, Placement, PutObject};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::bad_input::edit;
use crate::http;
use crate::lender::{all_exist, lender, objects, put_all};
use crate::node::TestNode;
use crate::stalled_disk::FreezingDisk;
use crate::support::{TestCluster, in_sync};

const PATIENCE: Duration = Duration::from_mins(1);

/// Metrics of a node at one instant.
struct Metrics(String);

impl Metrics {
    async fn of(node: &TestNode) -> Self {
        let (code, text) = http::get(&node.http, "/metrics").await;
        assert_eq!(code, 200);
        Self(text)
    }

    /// 0 for a counter that was never written.
    fn get(&self, name: &str, labels: &[&str]) -> u64 {
        let value = http::value(&self.0, name, labels).unwrap_or(0.0);
        value.to_string().parse().expect("a whole number")
    }

    /// `None` while it is not known.
    fn lag(&self) -> Option<u64> {
        let lag = http::value(&self.0, "standfast_lag_entries", &[])?;
        lag.to_string().parse().ok()
    }

    fn unflushed(&self) -> u64 {
        self.get("standfast_unflushed_entries", &[])
    }

    fn applied(&self) -> u64 {
        self.get("standfast_applied_seq", &[])
    }

    fn committed(&self) -> u64 {
        self.get("standfast_committed_seq", &[])
    }
}

/// Asks for the metrics of all nodes until they are as wanted.
async fn until(cluster: &TestCluster, what: &str, wanted: impl Fn(&[Metrics]) -> bool) {
    let give_up = Instant::now() + PATIENCE;
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    loop {
        let mut all = Vec::new();
        for node in &cluster.nodes {
            all.push(Metrics::of(node).await);
        }
        if wanted(&all) {
            return;
        }
        let told: Vec<_> = all.iter().map(|metrics| &metrics.0).collect();
        assert!(Instant::now() < give_up, "never {what}: {told:#?}");
        ticks.tick().await;
    }
}

/// Puts a link in the place of another.
fn relink(link: &Path, to: &Path) {
    let new = link.with_extension("new");
    symlink(to, &new).unwrap();
    fs::rename(&new, link).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_9_metrics_tell_the_lag_of_a_standby() {
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    let dir = cluster.dir.path().to_owned();
    let (link, log, nothing) = (dir.join("way"), dir.join("log"), dir.join("nothing"));
    fs::write(&nothing, "no directory").unwrap();
    symlink(&log, &link).unwrap();
    edit(&cluster.nodes[1], "dir = \"log\"", "dir = \"way\"");
    // A segment that is open is read to its end. So small that there are others.
    for node in &cluster.nodes {
        edit(node, "4MiB", "64KiB");
    }
    cluster.initialise().await;
    cluster.nodes[0].start();
    assert_eq!(cluster.leader().await, "a");
    cluster.nodes[1].start();
    let both = |status: &_| in_sync(status) == 2;
    cluster.until("both in sync", both).await;
    let client = lender(&cluster, PATIENCE).await;
    put_all(&client, &objects(0..500, 32)).await;
    let caught_up = |all: &[Metrics]| {
        let [a, b] = all else { return false };
        b.lag() == Some(0) && b.applied() == a.committed()
    };
    until(&cluster, "caught up", caught_up).await;

    relink(&link, &nothing);
    put_all(&client, &objects(500..8000, 32)).await;
    let behind = |all: &[Metrics]| {
        let [a, b] = all else { return false };
        let lag = b.lag();
        lag > Some(1000) && a.committed().checked_sub(b.applied()) == lag
    };
    until(&cluster, "behind by what it has not applied", behind).await;
    relink(&link, &log);
    until(&cluster, "caught up again", caught_up).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_9_metrics_tell_what_is_refused_and_what_waits_for_the_log() {
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    let dir = cluster.dir.path();
    let disk = FreezingDisk::mount(&dir.join("image"), &dir.join("log"));
    cluster.launch().await;
    let client = lender(&cluster, PATIENCE).await;
    let stored = objects(0..500, 32);
    put_all(&client, &stored).await;
    for result in client.put(&stored, &Placement::default()).await.unwrap() {
        let refused = ErrorCode::of(&result.unwrap_err());
        assert_eq!(refused, ErrorCode::ObjectAlreadyExists);
    }
    let metrics = Metrics::of(&cluster.nodes[0]).await;
    for (call, code, count) in [
        ("put_start", "ERROR_CODE_OK", 500),
        ("put_start", "ERROR_CODE_OBJECT_ALREADY_EXISTS", 500),
        ("put_end", "ERROR_CODE_OK", 500),
    ] {
        let labels = [format!("call=\"{call}\""), format!("code=\"{code}\"")];
        let counted = metrics.get(
            "standfast_metadata_items_total",
            &labels.each_ref().map(String::as_str),
        );
        assert_eq!(counted, count, "{call} {code}");
    }
    until(&cluster, "all committed", |all| all[0].unflushed() == 0).await;

    disk.freeze();
    let mut under_way = JoinSet::new();
    let more: Vec<PutObject> = objects(500..700, 32);
    let (putting, puts) = (client.clone(), more.clone());
    under_way.spawn(async move { put_all(&putting, &puts).await });
    let waits = |all: &[Metrics]| {
        let waits = all[0].unflushed();
        waits >= 400 && all[0].applied().checked_sub(all[0].committed()) == Some(waits)
    };
    until(&cluster, "both entries of each put in flight", waits).await;
    assert!(
        under_way.try_join_next().is_none(),
        "acknowledged too early"
    );
    disk.thaw();
    under_way.join_next().await.unwrap().unwrap();
    let flushed =
        |all: &[Metrics]| all[0].unflushed() == 0 && all[0].applied() == all[0].committed();
    until(&cluster, "all committed again", flushed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_9_metrics_tell_what_async_acknowledged_and_a_lost_term_dropped() {
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    let dir = cluster.dir.path();
    let log = FreezingDisk::mount(&dir.join("log-image"), &dir.join("log"));
    let lease = FreezingDisk::mount(&dir.join("lease-image"), &dir.join("election"));
    let lax = "[oplog]\nack = \"async\"\nmax_unflushed_age = \"1h\"";
    edit(&cluster.nodes[0], "[oplog]", lax);
    cluster.launch().await;
    let client = lender(&cluster, PATIENCE).await;
    let kept = objects(0..100, 32);
    put_all(&client, &kept).await;
    until(&cluster, "all committed", |all| all[0].unflushed() == 0).await;

    log.freeze();
    put_all(&client, &objects(100..300, 32)).await;
    until(&cluster, "in flight", |all| all[0].unflushed() >= 400).await;
    lease.freeze();
    let dropped = |all: &[Metrics]| {
        let dropped = all[0].get("standfast_async_in_doubt_entries_total", &[]);
        dropped >= 400 && dropped == all[0].unflushed()
    };
    until(&cluster, "given up, as many as were in flight", dropped).await;
    lease.thaw();
    log.thaw();
    all_exist(&client, &kept).await;
}
