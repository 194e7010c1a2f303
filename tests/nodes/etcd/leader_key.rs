//! A leader that is kept under a key of the operator's choice.

use std::time::Duration;

use etcd_client::Client;
use standfast::standfast_core::{Candidate, Epoch, ErrorKind, NodeId};

use super::{Members, opened};
use crate::kill::kill_primaries;
use crate::support::TestCluster;

/// How long a candidate is waited for that should be refused.
const PATIENCE: Duration = Duration::from_secs(10);
const KEY: &str = "mooncake-store/test/master_view";

#[tokio::test(flavor = "multi_thread")]
async fn nodes_lead_by_the_key_that_was_chosen_and_by_no_other() {
    let members = Members::start();
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    cluster.turn_to_etcd(&members.settings(), "2s");
    for node in &cluster.nodes {
        let text = std::fs::read_to_string(&node.config).unwrap();
        let chosen = "ttl = \"2s\"\nleader_key = \"mooncake-store/{cluster}/master_view\"";
        std::fs::write(&node.config, text.replace("ttl = \"2s\"", chosen)).unwrap();
    }
    cluster.launch().await;
    let load = cluster.load(64).await;
    kill_primaries(&mut cluster, &load).await;
    assert_eq!(members.keys("mooncake-store/").await, [KEY]);
    assert_eq!(
        members.keys("/standfast/test/leader").await,
        Vec::<String>::new()
    );

    // Whoever loses the key loses the term.
    let epoch = |status: &standfast::node::ClusterStatus| status.epoch;
    let before = cluster
        .until("a leader", |status| status.leader.is_some())
        .await;
    let mut client = Client::connect(&members.endpoints, None).await.unwrap();
    client.delete(KEY, None).await.unwrap();
    cluster
        .until("another term", |status| {
            status.leader.is_some() && epoch(status) > epoch(&before)
        })
        .await;
    load.acknowledged_more(500).await;
    cluster.lost_nothing(load).await;
}

fn candidate(name: &str) -> Candidate {
    Candidate {
        node: NodeId::new(name).unwrap(),
        endpoint: "127.0.0.1:7400".into(),
        http: "127.0.0.1:7480".into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_are_told_different_keys_never_lead_beside_each_other() {
    let members = Members::launch(1, &[], &[]);
    let dir = tempfile::tempdir().unwrap();
    let usual = opened::election(dir.path(), &members.settings())
        .await
        .unwrap();
    let settings = format!("{}\nleader_key = \"{KEY}\"", members.settings());
    let other = opened::election(dir.path(), &settings).await.unwrap();
    let cluster = opened::fingerprint();
    usual.init(cluster).await.unwrap();

    for (first, second) in [(&usual, &other), (&other, &usual)] {
        let term = first.campaign(&candidate("a"), Epoch(0)).await.unwrap();
        let (b, none) = (candidate("b"), Epoch(0));
        let refused = tokio::time::timeout(PATIENCE, second.campaign(&b, none)).await;
        let refused = refused.expect("it waits for its turn").unwrap_err();
        assert_eq!(*refused.kind(), ErrorKind::Config, "{refused}");
        assert!(
            refused
                .to_string()
                .contains("give all nodes one `leader_key`"),
            "{refused}"
        );
        let epoch = term.token().epoch;
        term.resign(None).await.unwrap();
        let next = second.campaign(&candidate("b"), Epoch(0)).await.unwrap();
        assert!(next.token().epoch > epoch);
        next.resign(None).await.unwrap();
    }
}

/// h20: where the key does not name the cluster, two may have the same.
#[tokio::test(flavor = "multi_thread")]
async fn h20_a_leader_of_another_cluster_is_nobodys() {
    let members = Members::launch(1, &[], &[]);
    let dir = tempfile::tempdir().unwrap();
    let at = |root: &str| {
        let settings = members.settings();
        format!("{settings}\nkey_prefix = \"{root}\"\nleader_key = \"masters/leader\"")
    };
    let ours = opened::election(dir.path(), &at("/ours")).await.unwrap();
    let theirs = opened::election(dir.path(), &at("/theirs")).await.unwrap();
    ours.init(opened::fingerprint()).await.unwrap();
    theirs.init(opened::another_fingerprint()).await.unwrap();
    let _term = theirs.campaign(&candidate("a"), Epoch(0)).await.unwrap();
    let b = candidate("b");
    let campaign = ours.campaign(&b, Epoch(0));
    let refused = tokio::time::timeout(PATIENCE, campaign).await;
    let refused = refused.expect("it waits for its turn").unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Foreign, "{refused}");
    assert!(refused.to_string().contains("masters/leader"), "{refused}");
}

#[tokio::test]
async fn a_key_under_which_something_else_is_kept_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (key, told) in [
        ("/standfast/{cluster}/epoch", "something else is kept under"),
        ("/", "is no key"),
        ("masters/", "is no key"),
    ] {
        let refused = opened::election(dir.path(), &format!("leader_key = {key:?}")).await;
        let refused = refused.unwrap_err();
        assert_eq!(*refused.kind(), ErrorKind::Config, "{refused}");
        assert!(refused.to_string().contains(told), "{refused}");
    }
}
