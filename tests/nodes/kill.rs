use crate::support::{RunningLoad, TestCluster, in_sync};

/// One after the other, each back in sync before the next is killed.
pub(crate) async fn kill_primaries(cluster: &mut TestCluster, load: &RunningLoad) {
    for _ in 0..3 {
        let leader = cluster.leader().await;
        cluster.node(&leader).kill().await;
        load.acknowledged_more(1000).await;
        cluster.node(&leader).start();
        cluster
            .until("both in sync", |status| in_sync(status) == 2)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_loses_nothing_that_it_acknowledged_however_often() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let load = cluster.load(1).await;
    kill_primaries(&mut cluster, &load).await;
    cluster.lost_nothing(load).await;
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
    cluster.lost_nothing(load).await;
    assert_eq!(
        cluster.leader().await,
        leader,
        "nobody else had a reason to lead"
    );
}
