//! What a node tells of itself in numbers.

use std::time::Duration;

use tokio::time::Instant;

use crate::http;
use crate::node::TestNode;

/// How long a value is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn metric(node: &TestNode, name: &str) -> Option<f64> {
    let (code, metrics) = http::get(&node.http, "/metrics").await;
    assert_eq!(code, 200);
    http::value(&metrics, name, &[])
}

pub(crate) async fn until(node: &TestNode, name: &str, wanted: impl Fn(f64) -> bool) {
    let give_up = Instant::now() + PATIENCE;
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    while !metric(node, name).await.is_some_and(&wanted) {
        assert!(
            Instant::now() < give_up,
            "{name} is {:?}: {}",
            metric(node, name).await,
            node.log_text()
        );
        ticks.tick().await;
    }
}
