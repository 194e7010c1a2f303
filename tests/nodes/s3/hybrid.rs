use super::{settings, shared};
use crate::cold_start::serves_again;
use crate::etcd::Members;
use crate::support::TestCluster;

/// What is left of the cluster is in etcd and in the bucket.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_nothing_serves_again_from_the_bucket_and_the_log() {
    let members = Members::start();
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    cluster.turn_to_etcd(&members.settings(), "2s");
    cluster.turn_to_bucket(&settings(&shared()));
    cluster.launch().await;
    serves_again(cluster).await;
}
