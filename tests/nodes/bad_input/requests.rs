use std::time::Duration;

use standfast_metadata::v1;
use standfast_metadata::v1::master_service_client::MasterServiceClient;
use standfast_metadata::{ErrorCode, Placement};
use tonic::Code;

use super::{all_exist, client, keys, lender, objects, put_all};
use crate::support::{TestCluster, in_sync, same_state};

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_a_standby_is_told_where_the_primary_is() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let leader = cluster.leader().await;
    let primary = cluster.node(&leader).endpoint.clone();
    let standby = if leader == "a" { "b" } else { "a" };
    let endpoint = format!("http://{}", cluster.node(standby).endpoint);
    let mut stub = MasterServiceClient::connect(endpoint).await.unwrap();
    let refused = stub
        .put_start(v1::PutStartRequest::default())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    let told = |key| refused.metadata().get(key).unwrap().to_str().unwrap();
    assert_eq!(told("standfast-error"), "not_primary");
    assert_eq!(told("standfast-primary"), primary);
    assert!(refused.message().contains(&primary), "{refused:?}");
    let refused = stub
        .exist_key(v1::ExistKeyRequest::default())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    let answer = stub.get_primary(v1::GetPrimaryRequest {}).await.unwrap();
    let answer = answer.into_inner();
    assert!(!answer.leads);
    assert_eq!((answer.node.as_str(), answer.primary), (standby, primary));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_5000_bytes_is_refused_with_the_limit_and_its_neighbours_are_put() {
    let cluster = TestCluster::start(&["a"]).await;
    let client = lender(&cluster, PATIENCE).await;
    let mut batch = objects(0..3, 32);
    batch[1] = objects(1..2, 5000).remove(0);
    let results = client.put(&batch, &Placement::default()).await.unwrap();
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    let refusal = results[1].as_ref().unwrap_err();
    assert_eq!(ErrorCode::of(refusal), ErrorCode::InvalidParams);
    assert_eq!(refusal.message, "a key of 5000 bytes, the limit is 4096");
    all_exist(&client, &[batch[0].clone(), batch[2].clone()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_batch_is_an_empty_answer_and_changes_nothing() {
    let cluster = TestCluster::start(&["a"]).await;
    let client = lender(&cluster, PATIENCE).await;
    let before = cluster.until("a node", |_| true).await.nodes[0].applied_seq;
    assert_eq!(
        client.put_start(&[], &Placement::default()).await.unwrap(),
        []
    );
    assert_eq!(client.put_end(&[]).await.unwrap(), []);
    assert_eq!(client.put_revoke(&[]).await.unwrap(), []);
    assert_eq!(client.remove(&[], true).await.unwrap(), []);
    assert_eq!(client.exists(&[]).await.unwrap(), []);
    assert_eq!(client.get_replicas(&[]).await.unwrap(), []);
    let after = cluster.until("a node", |_| true).await.nodes[0].applied_seq;
    assert_eq!(before, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_100_000_items_is_put_as_one_request() {
    let cluster = TestCluster::start(&["a"]).await;
    let client = lender(&cluster, PATIENCE).await;
    let batch = objects(0..100_000, 32);
    put_all(&client, &batch).await;
    all_exist(&client, &batch).await;
    cluster.verify_log().await;
}

/// h27: a request larger than a batch of the log may be.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_900_keys_of_3_kb_and_what_follows_survive_the_death_of_the_primary() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let lender = lender(&cluster, PATIENCE).await;
    let large = objects(0..900, 3000);
    put_all(&lender, &large).await;
    let normal = objects(900..1000, 32);
    for object in normal.chunks(1) {
        put_all(&lender, object).await;
    }
    let leader = cluster.leader().await;
    cluster.node(&leader).kill().await;
    let other = client(&cluster, PATIENCE).await;
    all_exist(&other, &large).await;
    all_exist(&other, &normal).await;
    let after = objects(1000..1010, 32);
    put_all(&lender, &after).await;
    cluster.node(&leader).start();
    cluster
        .until("the same state", |status| {
            in_sync(status) == 2 && same_state(status, 2)
        })
        .await;
    let found = other.exists(&keys(&after)).await.unwrap();
    assert!(found.into_iter().all(|found| found == Ok(true)));
    cluster.verify_log().await;
}
