//! Waiting for a metric.

use std::time::Duration;

use tokio::time::Instant;

use crate::http;
use crate::node::TestNode;

/// A metric of a node: its name, and what its labels must contain.
pub(crate) type Wanted = (&'static str, &'static [&'static str]);

/// All metrics of a node.
pub(crate) async fn scrape(node: &TestNode) -> String {
    let (code, metrics) = http::get(&node.http, "/metrics").await;
    assert_eq!(code, 200);
    metrics
}

/// Waits until each of the metrics is more than zero.
pub(crate) async fn until_moved(node: &TestNode, wanted: &[Wanted]) {
    let give_up = Instant::now() + Duration::from_secs(30);
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let mut left = wanted.to_vec();
    while !left.is_empty() {
        let metrics = scrape(node).await;
        left.retain(|(name, labels)| {
            http::value(&metrics, name, labels).is_none_or(|value| value <= 0.0)
        });
        assert!(
            left.is_empty() || Instant::now() < give_up,
            "{}: {left:?} did not move in\n{metrics}\n{}",
            node.name,
            node.log_text()
        );
        ticks.tick().await;
    }
}

/// Waits until a metric has this value.
pub(crate) async fn until_is(node: &TestNode, name: &'static str, value: f64) {
    let give_up = Instant::now() + Duration::from_secs(30);
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    loop {
        let found = http::value(&scrape(node).await, name, &[]);
        if found == Some(value) {
            return;
        }
        assert!(
            Instant::now() < give_up,
            "{name} is {found:?}, not {value}\n{}",
            node.log_text()
        );
        ticks.tick().await;
    }
}
