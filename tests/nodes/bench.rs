//! Each benchmark with the smallest figures that it takes: what it prints, and that its exit code is its verdict.

use serde_json::Value;

use crate::node::standfast;

/// What every benchmark prints.
const FIELDS: [&str; 12] = [
    "bench",
    "backend",
    "params",
    "runs",
    "value",
    "unit",
    "higher_is_better",
    "yardstick",
    "ratio",
    "reference",
    "target",
    "holds",
];

async fn bench(arguments: &[&str]) -> Vec<Value> {
    let output = standfast()
        .arg("bench")
        .args(arguments)
        .args(["-o", "json"])
        .output();
    let output = output.await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let reports: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!reports.is_empty(), "{output:?}");
    for report in &reports {
        for field in FIELDS {
            assert!(report.get(field).is_some(), "{field}: {report:#}");
        }
    }
    let hold = reports.iter().all(|report| report["holds"] == true);
    assert_eq!(output.status.code(), Some(i32::from(!hold)), "{told}");
    reports
}

fn assert_latency(report: &Value) {
    for field in ["p50", "p99", "max"] {
        assert!(report[field].is_number(), "{field}: {report:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_no_durable_write() {
    let reports = bench(&["rpo", "--runs", "1"]).await;
    assert_eq!(reports[0]["lost"], 0, "{:#}", reports[0]);
    assert!(reports[0]["acknowledged"].as_u64().unwrap() >= 1000);
    assert_eq!(reports[0]["holds"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_async_loses_is_counted_in_time() {
    let reports = bench(&["rpo", "--runs", "1", "--ack", "async"]).await;
    assert_eq!(reports[0]["params"]["ack"], "async");
    assert_eq!(reports[0]["unit"], "ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn failovers_and_switchovers_are_timed() {
    for what in ["rto", "switchover"] {
        let reports = bench(&[what, "--runs", "1"]).await;
        assert_eq!(reports[0]["bench"], what);
        assert_latency(&reports[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lag_of_a_standby_is_measured_beside_a_bare_watch() {
    let reports = bench(&["lag", "--rate", "500", "--seconds", "1s", "--runs", "1"]).await;
    assert_latency(&reports[0]);
    assert!(reports[0]["yardstick"].as_f64().unwrap() > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_are_measured_by_batch_and_by_producers() {
    let reports = bench(&["append", "--seconds", "1s", "--pairs", "1"]).await;
    let by = |name: &str| {
        let params = reports.iter().map(|report| &report["params"][name]);
        params.filter_map(Value::as_u64).collect::<Vec<_>>()
    };
    assert_eq!(by("entries_per_batch"), [1, 32, 256, 1024]);
    assert_eq!(by("producers"), [1, 64, 1024]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_has_nothing_is_timed_until_it_follows() {
    let reports = bench(&["catchup", "--entries", "2000", "--runs", "2"]).await;
    assert!(reports[0]["params"]["entries"].as_u64().unwrap() >= 2000);
    assert_eq!(reports[0]["runs"].as_array().unwrap().len(), 2);
}

/// Every figure that there is of a log that is not in files.
async fn is_measured_beside_a_bare_one(backend: &str) {
    let on = ["--backend", backend];
    let reports = bench(&[&["append", "--seconds", "1s", "--pairs", "1"], &on[..]].concat()).await;
    assert_eq!(reports.len(), 4, "{reports:#?}");
    for report in &reports {
        assert_eq!(report["backend"], backend);
        assert!(report["yardstick"].as_f64().unwrap() > 0.0, "{report:#}");
    }
    for what in [
        &["rto", "--runs", "1"][..],
        &["lag", "--rate", "500", "--seconds", "1s", "--runs", "1"],
    ] {
        let reports = bench(&[what, &on].concat()).await;
        assert_eq!(reports[0]["backend"], backend);
        assert_latency(&reports[0]);
    }
    for what in [
        &["put", "--seconds", "1s", "--pairs", "1"][..],
        &["logbytes", "--requests", "50"],
        &["catchup", "--entries", "2000", "--runs", "1"],
    ] {
        for report in bench(&[what, &on].concat()).await {
            assert_eq!(report["backend"], backend);
            assert!(report["value"].as_f64().unwrap() > 0.0, "{report:#}");
        }
    }
}

#[cfg(feature = "rocksdb")]
#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_a_rocksdb_is_measured_beside_a_bare_one() {
    is_measured_beside_a_bare_one("rocksdb").await;
}

#[cfg(feature = "etcd")]
#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_an_etcd_is_measured_beside_a_bare_one() {
    is_measured_beside_a_bare_one("etcd").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_many_objects_is_measured_in_every_way() {
    is_measured_in_every_way("file", &[]).await;
}

#[cfg(all(feature = "etcd", feature = "s3"))]
#[tokio::test(flavor = "multi_thread")]
async fn a_state_whose_snapshots_are_at_a_server_is_measured_and_nothing_is_left_there() {
    use object_store::{ObjectStore, aws::AmazonS3Builder, path::Path};

    let endpoint = crate::s3::shared();
    let prefix = format!("bench/{}", uuid::Uuid::new_v4());
    let url = format!("s3://standfast/{prefix}");
    is_measured_in_every_way("s3", &["--bucket", &url, "--endpoint", &endpoint]).await;
    // Another test of the process may have chosen one: any will do.
    drop(rustls::crypto::ring::default_provider().install_default());
    let store = AmazonS3Builder::from_env()
        .with_bucket_name("standfast")
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .build()
        .unwrap();
    let below = Path::from(prefix);
    let left = store.list_with_delimiter(Some(&below)).await.unwrap();
    assert!(
        left.objects.is_empty() && left.common_prefixes.is_empty(),
        "{left:?}"
    );
}

async fn is_measured_in_every_way(backend: &str, on: &[&str]) {
    // A snapshot's are so many that its clients change few of them.
    let each = [
        ("memory", 2000, 2),
        ("snapshot", 40_000, 6),
        ("coldstart", 2000, 1),
    ];
    for (what, objects, count) in each {
        let objects_of = objects.to_string();
        let words = [what, "--objects", &objects_of, "--runs", "2"];
        let reports = bench(&[&words[..], on].concat()).await;
        assert_eq!(reports.len(), count, "{reports:#?}");
        assert_eq!(reports[0]["bench"], what);
        assert_eq!(reports[0]["backend"], backend);
        assert_eq!(reports[0]["params"]["objects"], objects);
        assert!(reports[0]["value"].as_f64().unwrap() > 0.0);
        if what == "snapshot" {
            assert!(
                reports[0]["params"]["took_while_serving_s"]
                    .as_f64()
                    .unwrap()
                    > 0.0
            );
            let rows = reports[1]["params"]["rows"].as_f64().unwrap();
            assert!(
                (400.0..2000.0).contains(&rows),
                "a hundredth, or removed and put"
            );
            let share = reports[1]["value"].as_f64().unwrap();
            assert!((0.005..0.05).contains(&share), "{}", reports[1]);
        }
        if what == "coldstart" {
            let params = &reports[0]["params"];
            assert!(params["replay_s"].is_number() && params["rest_s"].is_number());
            assert!(params["restore_ratio"].as_f64().unwrap() >= 0.0);
            // These wait for a disk.
            for stage in ["restore_s", "promotion_s"] {
                assert!(params[stage].as_f64().unwrap() > 0.0, "{params:#}");
            }
            let fetched = params["download_s"].as_f64().unwrap();
            assert_eq!(fetched > 0.0, backend == "s3", "{params:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_measured_with_how_long_each_takes() {
    let reports = bench(&["propose", "--seconds", "1s", "--pairs", "1"]).await;
    let callers = reports.iter().map(|report| &report["params"]["callers"]);
    assert_eq!(callers.collect::<Vec<_>>(), [1, 64, 1024]);
    reports.iter().for_each(assert_latency);
}

#[tokio::test(flavor = "multi_thread")]
async fn puts_are_measured_in_every_shape() {
    let reports = bench(&["put", "--seconds", "1s", "--pairs", "1"]).await;
    let shape = |report: &Value| {
        let number = |name: &str| report["params"][name].as_u64().unwrap();
        (number("clients"), number("batch"))
    };
    let shapes: Vec<_> = reports.iter().map(shape).collect();
    assert_eq!(shapes, [(1, 1), (4, 1), (1, 64), (4, 64)].repeat(2));
    assert!(
        reports
            .iter()
            .all(|report| report["ratio"].as_f64().unwrap() > 0.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_adds_to_a_put_is_measured_beside_a_node_without_one() {
    let reports = bench(&["overhead", "--seconds", "1s", "--pairs", "1"]).await;
    let acks = reports.iter().map(|report| &report["params"]["ack"]);
    assert_eq!(acks.collect::<Vec<_>>(), ["async", "durable", "replicated"]);
    reports.iter().for_each(assert_latency);
    for time in ["durable_p50_ms", "echo_p50_ms", "sync_p50_ms"] {
        let report = &reports[2];
        assert!(report["params"][time].as_f64().unwrap() > 0.0, "{report:#}");
    }
    for report in &reports[..2] {
        for time in ["no_log_p99_ms", "sync_p50_ms", "sync_p99_ms"] {
            assert!(report["params"][time].as_f64().unwrap() > 0.0, "{report:#}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_of_an_entry_are_counted_in_the_log() {
    let reports = bench(&["logbytes", "--requests", "50"]).await;
    let value = reports[0]["value"].as_f64().unwrap();
    assert!(value > 32.0, "the key alone has 32 bytes: {:#}", reports[0]);
    assert!(reports[0]["params"]["entries"].as_u64().unwrap() > 100);
}
