//! A firewall between the nodes, while both reach etcd and clients reach both.

use super::straight::Straight;
use super::wire::{State, Wire};
use super::{Members, other};
use crate::bad_input::edit;
use crate::metric::{metric, until};
use crate::support::TestCluster;

/// Two nodes that tell others an address with a wire before it; the wires.
async fn start(members: &Members) -> (TestCluster, Vec<Wire>) {
    let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
    let mut wires = Vec::new();
    for node in &cluster.nodes {
        let wire = Wire::to(&node.endpoint);
        let listen = format!("listen = \"{}\"", node.endpoint);
        let advertise = format!("{listen}\nadvertise = \"{}\"", wire.address);
        edit(node, &listen, &advertise);
        wires.push(wire);
    }
    cluster.turn_to_etcd(&members.settings(), "2s");
    cluster.launch().await;
    (cluster, wires)
}

/// Its heartbeats end, and so often is it in vain to begin them again: for more than a lease's time.
const BREAKS: f64 = 60.0;

/// That the standby does not reach the primary proves nothing. It follows the log, which it does reach; a client that asks it
/// finds the primary all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_standby_that_the_primary_rejects_deposes_nobody_and_goes_on_following() {
    let members = Members::start();
    let (mut cluster, wires) = start(&members).await;
    let load = cluster.load(54).await;
    let (leader, epoch) = (cluster.leader().await, cluster.epoch().await);
    let straight = Straight::to(cluster.node(&leader)).await;
    let standby = other(&leader);
    let followed = metric(cluster.node(standby), "standfast_applied_seq").await;
    for wire in &wires {
        wire.turn(State::Refusing);
    }
    let rejected = async {
        let node = cluster.node(standby);
        until(node, "standfast_heartbeat_breaks_total", |breaks| {
            breaks > BREAKS
        })
        .await;
        load.acknowledged_more(1000).await;
        let goes_on = |applied| applied > followed.unwrap() + 1000.0;
        until(node, "standfast_applied_seq", goes_on).await;
        metric(node, "standfast_deposed_total").await
    };
    let (deposed, asked) = straight.until(rejected).await;
    let unanswered: Vec<_> = asked.iter().filter(|asked| !asked.answered).collect();
    assert!(unanswered.is_empty(), "{unanswered:?}");
    assert!(deposed.is_none(), "nobody is proved dead");
    for wire in &wires {
        wire.turn(State::Whole);
    }
    cluster.lost_nothing(load).await;
    assert_eq!(
        (cluster.leader().await, cluster.epoch().await),
        (leader, epoch)
    );
}
