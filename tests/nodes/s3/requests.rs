use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::proxy::{Counted, Proxy, WELL};
use super::{settings, shared};
use crate::lender::{lender, objects, put_all};
use crate::support::TestCluster;

/// Looks at the bucket while nothing happens, of a primary that is alone.
const LOOKS: u64 = 5;

/// A trim may find what it relies on sooner than in the last manifest.
fn near(counted: u64, predicted: u64) -> bool {
    (predicted * 7..=predicted * 13).contains(&(counted * 10))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_takes_as_many_requests_as_check_says() {
    let proxy = Proxy::start(&shared(), WELL).await;
    let mut cluster = TestCluster::prepare(&["a"], "1h");
    cluster.turn_to_bucket(&settings(&proxy.endpoint));
    cluster.launch().await;
    let client = lender(&cluster, Duration::from_secs(20)).await;
    for round in 0..3 {
        put_all(&client, &objects(round * 100..round * 100 + 100, 32)).await;
        let made = cluster.nodes[0].command(&["snapshot", "create"]).await;
        assert!(made.status.success(), "{made:?}");
    }
    cluster
        .until("all of them verified", |status| {
            let node = &status.nodes[0];
            node.verified_seq == node.snapshot_seq
        })
        .await;
    let words = ["check", "--connect", "-o", "json"];
    let told = cluster.nodes[0].command(&words).await;
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let bucket = &told["predicted"]["bucket"];
    predicts_for_a_rate(&cluster).await;
    let says = |key: &str| bucket[key].as_u64().unwrap_or_else(|| panic!("{told:#}"));
    assert!(says("held_bytes") > 0 && bucket["made_per_day"]["snapshots"].is_u64());

    // From the first request of one look to that of another.
    let before = look(&proxy, proxy.counted().lists + 1).await;
    let begun = Instant::now();
    let lists = says("lists_per_day") / (86_400 / 2) * LOOKS;
    let after = look(&proxy, before.lists + lists).await;
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap();
    let in_a_day = |count: u64| count * 86_400_000 / took_ms;
    let lists = in_a_day(after.lists - before.lists);
    let reads = in_a_day(after.reads - before.reads);
    assert!(near(lists, says("lists_per_day")), "{lists}: {bucket:#}");
    assert!(near(reads, says("reads_per_day")), "{reads}: {bucket:#}");
    assert_eq!(
        after.writes, before.writes,
        "an idle cluster writes nothing"
    );
    put_all(&client, &objects(500..600, 32)).await;
    takes_what_is_predicted(&cluster, &proxy, &bucket["made_per_day"]).await;
}

/// A snapshot more, as often as `check` says at most, and no less than a third of it: one entry may do for two.
async fn takes_what_is_predicted(cluster: &TestCluster, proxy: &Proxy, made: &Value) {
    let begun = Instant::now();
    let before = proxy.counted();
    let created = cluster.nodes[0].command(&["snapshot", "create"]).await;
    assert!(created.status.success(), "{created:?}");
    cluster
        .until("it is verified", |status| {
            let node = &status.nodes[0];
            node.verified_seq == node.snapshot_seq
        })
        .await;
    let after = look(proxy, proxy.counted().lists + 1).await;
    let each = |key: &str| made[key].as_u64().unwrap() / made["snapshots"].as_u64().unwrap();
    let looks = u64::try_from(begun.elapsed().as_millis()).unwrap() / 2000 + 1;
    for (key, counted) in [
        ("writes", after.writes - before.writes),
        ("lists", (after.lists - before.lists).saturating_sub(looks)),
        (
            "reads",
            (after.reads - before.reads).saturating_sub(2 * looks),
        ),
    ] {
        let most = each(key);
        assert!(
            (most / 3..=most).contains(&counted),
            "{counted} {key} of {most}"
        );
    }
}

async fn predicts_for_a_rate(cluster: &TestCluster) {
    // By the time alone a snapshot is made each hour, whatever the rate.
    let words = ["check", "--connect", "--rate", "1000", "-o", "json"];
    let busy = cluster.nodes[0].command(&words).await;
    let busy: Value = serde_json::from_slice(&busy.stdout).unwrap();
    let made = &busy["predicted"]["bucket"]["made_per_day"];
    assert_eq!(made["snapshots"], 24, "{made:#}");
    let grows = &busy["predicted"]["disk"]["log_bytes_per_s"];
    assert!(grows.as_u64() > Some(1000), "{busy:#}");
}

/// What was counted when so many listings had come.
async fn look(proxy: &Proxy, lists: u64) -> Counted {
    let give_up = Instant::now() + Duration::from_mins(1);
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    loop {
        let counted = proxy.counted();
        if counted.lists >= lists {
            return counted;
        }
        assert!(Instant::now() < give_up, "nobody looks");
        ticks.tick().await;
    }
}
