use std::time::Duration;

use super::members::{Members, settings};
use super::wire::{State, Wire};
use crate::support::{TestCluster, turn_to_etcd};

/// Two nodes, each with wires of its own to the members.
pub(crate) struct Wired {
    pub(crate) cluster: TestCluster,
    pub(crate) members: Members,
    wires: Vec<(String, Vec<Wire>)>,
}

impl Wired {
    pub(crate) async fn start(members: Members, ttl: &str) -> Self {
        let mut cluster = TestCluster::prepare(&["a", "b"], "1h");
        let mut wires = Vec::new();
        for node in &cluster.nodes {
            let own = members.endpoints.iter().map(|endpoint| {
                let port = endpoint.strip_prefix("http://").unwrap();
                Wire::to(port)
            });
            let own: Vec<_> = own.collect();
            let endpoints = own.iter().map(|wire| format!("http://{}", wire.address));
            let endpoints: Vec<_> = endpoints.collect();
            turn_to_etcd(node, &settings(&endpoints), ttl);
            wires.push((node.name.clone(), own));
        }
        cluster.launch().await;
        Self {
            cluster,
            members,
            wires,
        }
    }

    /// Turns all wires between a node and the members.
    pub(crate) fn turn(&self, node: &str, state: State) {
        for (name, wires) in &self.wires {
            for wire in wires.iter().filter(|_| name == node) {
                wire.turn(state);
            }
        }
    }

    /// Turns the wire between a node and one member, from 0.
    pub(crate) fn turn_one(&self, node: &str, member: usize, state: State) {
        let (_, wires) = self.wires.iter().find(|(name, _)| name == node).unwrap();
        wires[member].turn(state);
    }

    /// Waits until so many bytes that the node has sent are held on one of its connections.
    pub(crate) async fn until_held(&self, node: &str, least: usize) {
        let mut ticks = tokio::time::interval(Duration::from_millis(1));
        let (_, wires) = self.wires.iter().find(|(name, _)| name == node).unwrap();
        while !wires.iter().any(|wire| wire.held() >= least) {
            ticks.tick().await;
        }
    }
}
