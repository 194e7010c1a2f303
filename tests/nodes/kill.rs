use crate::support::{TestCluster, same_state};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_loses_nothing_that_it_acknowledged_however_often() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let load = cluster.load(1).await;
    for _ in 0..3 {
        let leader = cluster.leader().await;
        cluster.node(&leader).kill().await;
        load.acknowledged_more(1000).await;
        cluster.node(&leader).start();
        cluster
            .until("both in sync", |status| {
                crate::support::in_sync(status) == 2
            })
            .await;
    }
    let checked = load.verdict(&cluster).await;
    assert_eq!(checked.missing, []);
    cluster
        .until("the same state", |status| same_state(status, 2))
        .await;
    cluster.verify_log().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_standby_comes_back_and_follows() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let load = cluster.load(2).await;
    let leader = cluster.leader().await;
    let standby = if leader == "a" { "b" } else { "a" };
    cluster.node(standby).kill().await;
    load.acknowledged_more(1000).await;
    cluster.node(standby).start();
    let checked = load.verdict(&cluster).await;
    assert_eq!(checked.missing, []);
    cluster
        .until("the same state", |status| same_state(status, 2))
        .await;
    assert_eq!(
        cluster.leader().await,
        leader,
        "nobody else had a reason to lead"
    );
}
