use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::seeds::seeds;
use crate::support::{RunningLoad, TestCluster, in_sync, same_state};

/// Faults of one seed.
const ROUNDS: usize = 6;
/// Longest freeze: three times the lease.
const LONGEST_FREEZE: Duration = Duration::from_secs(6);

#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    KillAll,
    Terminate,
    Freeze,
    /// A machine that comes back with an empty disk; what is shared is elsewhere.
    Empty,
    Switchover,
    StepDown,
    Snapshot,
}

const FAULTS: [Fault; 8] = [
    Fault::Kill,
    Fault::KillAll,
    Fault::Terminate,
    Fault::Freeze,
    Fault::Empty,
    Fault::Switchover,
    Fault::StepDown,
    Fault::Snapshot,
];

/// One story: a cluster under load, and what befalls it.
struct Chaos {
    cluster: TestCluster,
    load: RunningLoad,
    random: StdRng,
}

impl Chaos {
    async fn start(seed: u64) -> Self {
        let names: &[&str] = if seed.is_multiple_of(2) {
            &["a", "b", "c"]
        } else {
            &["a", "b"]
        };
        let cluster = TestCluster::start_with(names, "2s").await;
        let load = cluster.load(seed).await;
        Self {
            cluster,
            load,
            random: StdRng::seed_from_u64(seed),
        }
    }

    /// The primary as often as any other.
    async fn victim(&mut self) -> usize {
        let leader = self.cluster.leader().await;
        let at = |name: &str| self.cluster.nodes.iter().position(|n| n.name == name);
        let leads = at(&leader).unwrap();
        if self.random.random_bool(0.5) {
            return leads;
        }
        self.random.random_range(0..self.cluster.nodes.len())
    }

    async fn befall(&mut self, fault: Fault) {
        let victim = self.victim().await;
        match fault {
            Fault::Kill => self.restart(victim, "KILL").await,
            Fault::Terminate => self.restart(victim, "TERM").await,
            Fault::KillAll => {
                for node in &mut self.cluster.nodes {
                    node.kill().await;
                }
                for node in &mut self.cluster.nodes {
                    node.start();
                }
            }
            Fault::Freeze => self.freeze(victim).await,
            Fault::Empty => {
                let node = &mut self.cluster.nodes[victim];
                node.kill().await;
                std::fs::remove_dir_all(&node.data_dir).unwrap();
                node.start();
            }
            Fault::Switchover => {
                let to = self.cluster.nodes[victim].name.clone();
                self.ask(&["switchover", "--to", &to]).await;
            }
            Fault::StepDown => self.ask(&["step-down"]).await,
            Fault::Snapshot => self.ask(&["snapshot", "create"]).await,
        }
    }

    async fn restart(&mut self, victim: usize, signal: &str) {
        let node = &mut self.cluster.nodes[victim];
        node.signal(signal);
        node.child.take().unwrap().wait().await.unwrap();
        if self.random.random_bool(0.5) && self.cluster.nodes.len() > 1 {
            // The others go on alone for a while.
            self.load.acknowledged_more(200).await;
        }
        self.cluster.nodes[victim].start();
    }

    async fn freeze(&mut self, victim: usize) {
        let node = &self.cluster.nodes[victim];
        node.signal("STOP");
        let frozen = LONGEST_FREEZE.mul_f64(self.random.random());
        let mut ticks = tokio::time::interval(frozen);
        ticks.tick().await;
        ticks.tick().await;
        node.signal("CONT");
    }

    /// An operator's command; amid the other faults it may be refused, but it must end.
    async fn ask(&self, words: &[&str]) {
        let node = &self.cluster.nodes[0];
        let asked = tokio::time::timeout(Duration::from_mins(1), node.command(words));
        let done = asked.await.unwrap();
        assert_ne!(done.status.code(), Some(2), "it is no command: {done:?}");
    }

    async fn recover(&self) {
        let count = self.cluster.nodes.len();
        self.cluster
            .until("all in sync", |status| in_sync(status) == count)
            .await;
    }

    /// Everything acknowledged is there, all nodes have the same state, the log and the snapshots are whole.
    async fn verdict(self) {
        self.recover().await;
        let checked = self.load.verdict(&self.cluster).await;
        assert_eq!(checked.missing, []);
        let count = self.cluster.nodes.len();
        self.cluster
            .until("the same state", |status| same_state(status, count))
            .await;
        self.cluster.verify_log().await;
        for words in [
            &["snapshot", "create"][..],
            &["snapshot", "verify", "--deep"],
        ] {
            let done = self.cluster.nodes[0].command(words).await;
            assert!(done.status.success(), "{done:?}");
        }
    }
}

/// Names the seed when the story fails.
struct Told(u64, Vec<Fault>);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}: {:?}", self.0, self.1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_befalls_the_nodes_nothing_acknowledged_is_lost() {
    for seed in seeds() {
        let mut told = Told(seed, Vec::new());
        let mut chaos = Chaos::start(seed).await;
        for _ in 0..ROUNDS {
            let more = chaos.random.random_range(1..500);
            chaos.load.acknowledged_more(more).await;
            let fault = *FAULTS.choose(&mut chaos.random).unwrap();
            told.1.push(fault);
            chaos.befall(fault).await;
            if chaos.random.random_bool(0.5) {
                chaos.recover().await;
            }
        }
        chaos.verdict().await;
    }
}
