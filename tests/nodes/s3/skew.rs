use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::by_hand::ByHand;
use super::{settings, shared};
use crate::http;
use crate::lender::{all_exist, lender, objects, put_all};
use crate::node::TestNode;
use crate::support::TestCluster;

const PATIENCE: Duration = Duration::from_secs(30);
const CREATE: [&str; 2] = ["snapshot", "create"];

/// The wall clock of a node, which is set while it runs. No other clock of it changes.
struct WallClock(PathBuf);

impl WallClock {
    fn of(cluster: &TestCluster) -> Self {
        let clock = Self(cluster.dir.path().join("wall-clock"));
        clock.set("+0");
        clock
    }

    /// To be so far from the right time, such as `+20m`.
    fn set(&self, offset: &str) {
        // Read at each look at the clock: never half of it.
        let new = self.0.with_extension("new");
        std::fs::write(&new, offset).unwrap();
        std::fs::rename(new, &self.0).unwrap();
    }

    fn start(&self, node: &mut TestNode) {
        let library = library();
        node.start_in(&[
            ("LD_PRELOAD", library.as_os_str()),
            ("FAKETIME_TIMESTAMP_FILE", self.0.as_os_str()),
            ("FAKETIME_NO_CACHE", OsStr::new("1")),
            ("FAKETIME_DONT_FAKE_MONOTONIC", OsStr::new("1")),
        ]);
    }
}

/// Debian's libfaketime, of whatever machine this is.
fn library() -> PathBuf {
    let machines = std::fs::read_dir("/usr/lib").unwrap();
    let mut named = machines.map(|machine| {
        let machine = machine.unwrap().path();
        machine.join("faketime/libfaketimeMT.so.1")
    });
    let found = named.find(|path| Path::exists(path));
    found.expect("libfaketime is missing: run `make test`, or scripts/setup")
}

/// A node whose wall clock can be set, with these settings of its snapshots.
async fn launched(bucket: &str) -> (TestCluster, WallClock) {
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(bucket);
    let clock = WallClock::of(&cluster);
    cluster.initialise().await;
    clock.start(&mut cluster.nodes[0]);
    (cluster, clock)
}

/// S3 takes no request that was signed 15 minutes ago, or that will be signed then.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_20_minutes_off_costs_snapshots_alone_and_what_to_do_is_told() {
    let (mut cluster, clock) = launched(&settings(&shared())).await;
    let client = lender(&cluster, PATIENCE).await;
    let puts = objects(0..1200, 32);
    let told_what_to_do = |told: &str| {
        for said in ["RequestTimeTooSkewed", "the clock of this machine", "NTP"] {
            assert!(told.contains(said), "{said}: {told}");
        }
    };
    for (round, offset) in ["+20m", "-20m"].into_iter().enumerate() {
        let puts = &puts[round * 600..][..600];
        clock.set(offset);
        put_all(&client, puts).await;
        let refused = cluster.nodes[0].command(&CREATE).await;
        assert_eq!(refused.status.code(), Some(1), "{offset}: {refused:?}");
        told_what_to_do(&String::from_utf8(refused.stderr).unwrap());
        told_what_to_do(&cluster.nodes[0].log_text());
        let (_, metrics) = http::get(&cluster.nodes[0].http, "/metrics").await;
        let failed = "standfast_snapshot_failures_total";
        let failed = http::value(&metrics, failed, &["what=\"publish\""]);
        assert!(failed > Some(0.0), "{metrics}");
        all_exist(&client, puts).await;

        clock.set("+0");
        let made = cluster.nodes[0].command(&CREATE).await;
        assert!(made.status.success(), "{offset}: {made:?}");
    }
    let verified = cluster.nodes[0].command(&["snapshot", "verify"]).await;
    assert!(verified.status.success(), "{verified:?}");

    cluster.nodes[0].kill().await;
    clock.set("+20m");
    clock.start(&mut cluster.nodes[0]);
    let mut refused = cluster.nodes[0].child.take().unwrap();
    let refused = tokio::time::timeout(PATIENCE, refused.wait()).await;
    assert!(!refused.expect("it ends").unwrap().success());
    let log = cluster.nodes[0].log_text();
    told_what_to_do(log.lines().last().unwrap());
    clock.set("+0");
    clock.start(&mut cluster.nodes[0]);
    all_exist(&client, &puts).await;
}

async fn asked(cluster: &TestCluster, words: &[&str]) -> Value {
    let words = [words, &["-o", "json"]].concat();
    let output = cluster.nodes[0].command(&words).await;
    assert!(output.status.success(), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// How far a clock that has shown this is from the right time.
fn apart(shown_ms: u64) -> Duration {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    now.abs_diff(Duration::from_millis(shown_ms))
}

/// A node goes on with such a clock, whose offset is more than a pin may be old, and takes a pin away or leaves it.
async fn goes_on(offset: &str, (pin_expiry, pin_stays): (&str, bool)) {
    let bucket = settings(&shared());
    let lines = format!("{bucket}\nkeep = 2\npin_expiry = \"{pin_expiry}\"");
    let (mut cluster, clock) = launched(&lines).await;
    clock.set(offset);
    let client = lender(&cluster, PATIENCE).await;
    let puts = objects(0..4000, 32);
    put_all(&client, &puts[..200]).await;
    asked(&cluster, &CREATE).await;
    let listed = asked(&cluster, &["snapshot", "list"]).await;
    let first = &listed["snapshots"][0];
    assert!(
        apart(first["created_ms"].as_u64().unwrap()) > Duration::from_mins(4),
        "the clock is as far off as was wanted: {listed:#}"
    );
    // Somebody restores it, on a machine whose clock is right.
    let by_hand = ByHand::at(&shared(), &bucket);
    let cluster_of = by_hand.read(&by_hand.path("fingerprint")).await;
    let cluster_of: Value = serde_json::from_slice(&cluster_of).unwrap();
    let id = first["id"].as_str().unwrap();
    let pin = json!({
        "format": 1, "cluster": cluster_of["cluster"], "snapshot": id, "seq": first["position"]["seq"],
        "holder": "c-1",
    });
    let pinned = by_hand.path(&format!("pins/{id}/c-1"));
    by_hand.write(&pinned, pin.to_string().into()).await;

    // So many each time that every snapshot is a base.
    for end in [500, 1000, 2000, 4000] {
        put_all(&client, &puts[end / 2..end]).await;
        asked(&cluster, &CREATE).await;
    }
    let listed = asked(&cluster, &["snapshot", "list"]).await;
    assert!(!listed.to_string().contains(id), "retired: {listed:#}");
    let taken = "abandoned pin taken away";
    if pin_stays {
        let verified = asked(&cluster, &["snapshot", "verify", id]).await;
        assert_eq!(verified[0]["ok"], true, "{verified:#}");
        assert!(by_hand.names("pins").await.contains(&pinned));
        let log = cluster.nodes[0].log_text();
        assert!(!log.contains(taken), "{log}");
    } else {
        cluster.until_log("a", taken).await;
    }
    asked(&cluster, &["snapshot", "verify"]).await;
    asked(&cluster, &["drill"]).await;

    cluster.nodes[0].kill().await;
    std::fs::remove_dir_all(&cluster.nodes[0].data_dir).unwrap();
    clock.start(&mut cluster.nodes[0]);
    all_exist(&client, &puts[250..]).await;
    let log = cluster.nodes[0].log_text();
    assert!(log.contains("restored snapshot="), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_5_minutes_ahead_makes_no_pin_older_than_it_is() {
    goes_on("+5m", ("4m", true)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_5_minutes_behind_makes_no_pin_younger_than_it_is() {
    goes_on("-5m", ("1s", false)).await;
}
