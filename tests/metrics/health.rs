use serde_json::Value;

use crate::http::get;
use crate::support::TestCluster;

#[tokio::test(flavor = "multi_thread")]
async fn health_says_which_node_leads_and_both_are_live_and_ready() {
    let mut cluster = TestCluster::start(&["a", "b"]).await;
    let leader = cluster.leader().await;
    let standby = if leader == "a" { "b" } else { "a" };
    for (node, code, role) in [(leader.as_str(), 200, "primary"), (standby, 503, "standby")] {
        let address = cluster.node(node).http.clone();
        assert_eq!(
            get(&address, "/health/live").await,
            (200, "alive\n".to_owned())
        );
        assert_eq!(
            get(&address, "/health/ready").await,
            (200, format!("{role}\n"))
        );
        assert_eq!(
            get(&address, "/health/primary").await,
            (code, format!("{role}\n"))
        );
        let (code, status) = get(&address, "/status").await;
        let status: Value = serde_json::from_str(&status).unwrap();
        assert_eq!(
            (code, status["leader"].as_str()),
            (200, Some(leader.as_str()))
        );
        assert_eq!(status["nodes"].as_array().unwrap().len(), 2);
        let (code, page) = get(&address, "/").await;
        assert!(code == 200 && page.contains("<h1>test</h1>"), "{page}");
        assert_eq!(get(&address, "/nothing").await.0, 404);
    }
}
