//! Two nodes whose log and election are in an etcd of three members.

mod bad_days;
mod budget;
mod check;
mod cold;
mod compaction;
mod cut;
mod discovery;
mod firewall;
mod foreign;
mod frozen;
mod full;
mod history;
mod impostors;
mod leader_key;
mod leading;
pub(crate) mod members;
mod opened;
mod put_back;
mod seat;
mod secure;
mod slow;
mod straight;
mod tls;
mod users;
mod wire;
mod wired;
mod wrong_places;

pub(crate) use members::Members;

use crate::support::TestCluster;

/// Two nodes on members of their own, with leases of `ttl`.
async fn start(ttl: &str) -> (TestCluster, Members) {
    start_on(Members::start(), ttl).await
}

async fn start_on(members: Members, ttl: &str) -> (TestCluster, Members) {
    start_nodes(&["a", "b"], members, ttl).await
}

/// One node on members of its own.
async fn start_alone(ttl: &str) -> (TestCluster, Members) {
    start_nodes(&["a"], Members::start(), ttl).await
}

async fn start_nodes(names: &[&str], members: Members, ttl: &str) -> (TestCluster, Members) {
    let mut cluster = TestCluster::prepare(names, "1h");
    cluster.turn_to_etcd(&members.settings(), ttl);
    cluster.launch().await;
    (cluster, members)
}

fn other(name: &str) -> &'static str {
    if name == "a" { "b" } else { "a" }
}
