//! What cannot be brought about from outside a process.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use serde::{Deserialize, Deserializer, Serialize, de};
use standfast::testing::Cluster;
use standfast_core::{Application, Change, Command, Refusal, RequestHeader, Rows, RowsMut, Typed};

use crate::http;

/// Decides on operations that it cannot read.
#[derive(Debug)]
struct Defective;

#[derive(Debug, Serialize)]
struct Unreadable;

impl<'de> Deserialize<'de> for Unreadable {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom("unreadable"))
    }
}

impl Application for Defective {
    type Key = String;
    type Row = u64;
    type Op = Unreadable;
    type Command = ();
    type Reply = ();
    type Query = ();
    type Answer = ();

    fn decide(&self, _: &Rows<'_, Self>, _: u64, (): &()) -> Result<Change<Self>, Refusal> {
        Ok(Change::commit("key".to_owned(), Unreadable))
    }

    fn apply(_: &mut RowsMut<'_, '_, Self>, _: u64, _: String, _: Unreadable) {}

    fn query(&self, _: &Rows<'_, Self>, _: u64, (): &()) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_come_too_late_and_decisions_that_cannot_be_applied_are_counted() {
    let recorded = PrometheusBuilder::new().install_recorder().unwrap();
    let cluster = Cluster::start(1, || Typed::new(|| Defective))
        .await
        .unwrap();
    let door = cluster.primary().await.unwrap().proposer();
    let command = || Command::new(RequestHeader::default(), 1, ());
    let past = cluster.clock().now();
    door.propose(command(), past).await.unwrap_err();
    let soon = cluster.clock().now().plus(Duration::from_secs(20));
    let outcomes = door.propose(command(), soon).await.unwrap();
    assert!(outcomes[0].is_err(), "{outcomes:?}");
    let metrics = recorded.render();
    for name in [
        "standfast_requests_busy_total",
        "standfast_inapplicable_decisions_total",
    ] {
        assert_eq!(http::value(&metrics, name, &[]), Some(1.0), "{metrics}");
    }
}
