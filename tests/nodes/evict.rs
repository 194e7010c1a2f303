use std::fs;
use std::time::Duration;

use bytes::Bytes;
use standfast_metadata::{ErrorCode, MetadataClient, Placement, PutObject, SegmentId, SegmentInfo};
use tokio::time::Instant;

use crate::http;
use crate::lender::client;
use crate::support::{TestCluster, in_sync};

const ROOM: usize = 100;

/// Two nodes whose leases are short, so that what is not read can be evicted at once.
async fn cluster() -> TestCluster {
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    for node in &cluster.nodes {
        let text = fs::read_to_string(&node.config).unwrap();
        fs::write(&node.config, text + "[metadata]\nlease_ttl = \"1ms\"\n").unwrap();
    }
    let made = cluster.nodes[0].command(&["cluster", "init"]).await;
    assert!(made.status.success(), "{made:?}");
    for node in &mut cluster.nodes {
        node.start();
    }
    cluster
        .until("all in sync", |status| in_sync(status) == 2)
        .await;
    cluster
}

/// Puts an object as a client does that is told that there is no room: again, until there is.
async fn put(client: &MetadataClient, name: &str, placement: &Placement) {
    let object = PutObject {
        key: Bytes::from(name.to_owned()),
        size: 1000,
        checksum: None,
    };
    let give_up = Instant::now() + Duration::from_mins(1);
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    loop {
        let put = client.put(std::slice::from_ref(&object), placement).await;
        match put.unwrap().remove(0) {
            Ok(_) => return,
            Err(refusal) => {
                let code = ErrorCode::of(&refusal);
                assert_eq!(code, ErrorCode::NoAvailableHandle, "{refusal:?}");
            }
        }
        assert!(Instant::now() < give_up, "{name}: no room");
        ticks.tick().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_goes_on_taking_objects_when_it_is_full_and_keeps_what_is_pinned() {
    let mut cluster = cluster().await;
    let client = client(&cluster, Duration::from_mins(1)).await;
    let segment = SegmentInfo {
        id: SegmentId::random(),
        incarnation: 1,
        name: "small".to_owned(),
        endpoint: "lender.invalid:1".to_owned(),
        base: 1 << 32,
        size: 1000 * ROOM as u64,
        protocol: "none".to_owned(),
    };
    client.mount_segment(&segment).await.unwrap().unwrap();
    let pinned = Placement {
        hard_pin: true,
        ..Placement::default()
    };
    put(&client, "pinned", &pinned).await;
    for n in 0..3 * ROOM {
        put(&client, &format!("k{n}"), &Placement::default()).await;
    }

    let there = |name: String| {
        let client = &client;
        async move {
            let found = client.exists(&[Bytes::from(name)]).await.unwrap();
            found.into_iter().next().unwrap().unwrap()
        }
    };
    assert!(there("pinned".to_owned()).await);
    assert!(there(format!("k{}", 3 * ROOM - 1)).await);
    assert!(!there("k0".to_owned()).await);
    let leader = cluster.leader().await;
    let (_, metrics) = http::get(&cluster.node(&leader).http, "/metrics").await;
    let value = |name| http::value(&metrics, name, &[]).unwrap_or_default();
    let evicted = value("standfast_metadata_evicted_objects_total");
    assert!(
        evicted > 200.0,
        "{evicted} of 301, and there is room for 100"
    );
    let bytes = value("standfast_metadata_evicted_bytes_total");
    assert!((bytes - 1000.0 * evicted).abs() < 1.0, "{bytes}");
}
