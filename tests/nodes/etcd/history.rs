//! A primary that compacts the history of its etcd.

use std::time::Duration;

use etcd_client::{Client, GetOptions};

use super::Members;
use crate::bad_input::edit;
use crate::support::{TestCluster, turn_to_etcd};

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_is_told_to_compacts_the_history_behind_it() {
    let members = Members::start();
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    for node in &cluster.nodes {
        turn_to_etcd(node, &members.settings(), "5s");
        edit(node, "[oplog]", "[oplog]\ncompact_after = \"1s\"");
    }
    cluster.launch().await;
    let mut client = Client::connect(&members.endpoints, None).await.unwrap();
    let head = client
        .get("/standfast/test/oplog-head", None)
        .await
        .unwrap();
    let revision = head.header().unwrap().revision();
    let load = cluster.load(62).await;
    let compacted = async {
        loop {
            load.acknowledged_more(100).await;
            let then = GetOptions::new().with_revision(revision);
            match client.get("/standfast/test/oplog-head", Some(then)).await {
                Ok(_still_there) => {}
                Err(error) => break error.to_string(),
            }
        }
    };
    let told = tokio::time::timeout(Duration::from_mins(1), compacted).await;
    assert!(
        told.unwrap()
            .contains("required revision has been compacted")
    );
    cluster.lost_nothing(load).await;
}
