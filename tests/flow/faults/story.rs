use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use standfast_backends::MemoryOpLog;
use standfast_backends::layers::{Fault, Faults, Layer, Operation};
use standfast_core::{Clock, ErrorKind, OpLogStore, TermEndReason};
use standfast_master::{MasterConfig, TermHandle};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::live::{LiveNode, Stage, State};
use super::seeds;
use crate::support::{Client, Cluster, TestNode};

/// Every kind of fault there is.
const KINDS: [&str; 9] = [
    "fail",
    "delay",
    "lose_answer",
    "stall",
    "tear",
    "flip_bit",
    "drop_event",
    "repeat_event",
    "swap_events",
];

/// Everything that can go wrong, now and then.
fn troubles(seed: u64) -> Faults {
    let faults = Faults::seeded(seed);
    let unavailable = Fault::Fail(ErrorKind::Unavailable);
    let rates = [
        (Operation::Append, 10, Fault::LoseAnswer),
        (Operation::Append, 10, Fault::Tear),
        (Operation::Append, 10, Fault::Stall),
        (
            Operation::Append,
            10,
            Fault::Delay(Duration::from_millis(1)),
        ),
        (Operation::Append, 20, Fault::Fail(ErrorKind::NotWritten)),
        (Operation::MarkCommitted, 20, Fault::LoseAnswer),
        (Operation::OpenWriter, 50, Fault::LoseAnswer),
        (Operation::Settled, 50, Fault::FlipBit),
        (Operation::Settled, 50, unavailable.clone()),
        (Operation::Tail, 50, unavailable.clone()),
        (Operation::NextEvent, 20, Fault::DropEvent),
        (Operation::NextEvent, 20, Fault::RepeatEvent),
        (Operation::NextEvent, 20, Fault::SwapEvents),
        (Operation::NextEvent, 20, Fault::FlipBit),
        (Operation::NextEvent, 10, unavailable.clone()),
        (Operation::Announced, 50, unavailable.clone()),
        (Operation::Announce, 50, Fault::LoseAnswer),
        (Operation::Campaign, 20, unavailable),
        (Operation::Resign, 50, Fault::LoseAnswer),
    ];
    for (operation, per_mille, fault) in rates {
        faults.rate(operation, per_mille, fault);
    }
    faults
}

/// Adds one to `x`, each time until it is acknowledged, at whoever serves, until it is told to stop.
async fn count_up(
    client: Client,
    mut serving: watch::Receiver<Option<TermHandle>>,
    acknowledged: watch::Sender<u64>,
    enough: watch::Receiver<bool>,
) {
    let mut request = 1;
    let mut in_doubt = false;
    // What is in doubt at the end is asked for again as well: it may have been done.
    while in_doubt || !*enough.borrow() {
        let term = serving.wait_for(Option::is_some).await.unwrap().clone();
        let asked = client.ask(&term.unwrap(), "x", 1, request).await;
        in_doubt = asked.is_err();
        if let Ok(sum) = asked {
            sum.expect("nothing is refused");
            acknowledged.send_modify(|count| *count += 1);
            request += 1;
        } else {
            // Its successor knows.
            serving.changed().await.unwrap();
        }
    }
}

/// Waits until every kind of fault has happened, and lets go on what stands still. Then there is peace for a while: what a
/// tail passed over or holds back shows in the event that comes after.
async fn until_all_happened(faults: &Faults, mut acknowledged: watch::Receiver<u64>) {
    let all = BTreeSet::from(KINDS);
    loop {
        // Both arms are cancel safe.
        tokio::select! {
            () = faults.stalled() => faults.release(),
            changed = acknowledged.changed() => changed.unwrap(),
        }
        let hits: BTreeSet<_> = faults.hits().into_keys().map(|(_, kind)| kind).collect();
        if hits == all {
            break;
        }
    }
    faults.heal();
    let enough = *acknowledged.borrow() + 100;
    acknowledged
        .wait_for(|count| *count >= enough)
        .await
        .unwrap();
}

/// Waits until both nodes stand at the same place, and compares their digests there.
async fn until_equal(states: &[State]) {
    loop {
        let stand = |state: &State| {
            let machine = Arc::clone(state.lock().as_ref()?);
            let machine = machine.lock();
            Some((machine.position(), machine.digest()))
        };
        let stands: Vec<_> = states.iter().filter_map(stand).collect();
        if let [(a, ours), (b, theirs)] = stands[..]
            && a == b
        {
            assert_eq!(ours, theirs, "the states differ at {a}");
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Two nodes and eight clients over stores in trouble, until all kinds of it have come; then peace, and the count.
async fn story(seed: u64, clock: &Clock, cluster: &Cluster, raw: Arc<dyn OpLogStore>) {
    let faults = troubles(seed);
    let stage = Stage {
        serving: watch::Sender::new(None),
        over: watch::Sender::new(false),
    };
    let mut nodes = JoinSet::new();
    let mut states = Vec::new();
    for name in ["a", "b"] {
        let mut sources = cluster.sources_with(name, faults.oplog(Arc::clone(&raw)));
        sources.election = faults.election(sources.election);
        let node = LiveNode::new(sources, &stage);
        states.push(Arc::clone(&node.state));
        nodes.spawn(node.live());
    }
    let (acknowledged, enough) = (watch::Sender::new(0), watch::Sender::new(false));
    let mut clients = JoinSet::new();
    for session in 1..=8 {
        let serving = stage.serving.subscribe();
        let client = Client::new(session, clock);
        clients.spawn(count_up(
            client,
            serving,
            acknowledged.clone(),
            enough.subscribe(),
        ));
    }
    // A node that panics ends the story.
    tokio::select! {
        () = until_all_happened(&faults, acknowledged.subscribe()) => {}
        ended = nodes.join_next() => panic!("seed {seed}: {ended:?}"),
    }
    println!("{faults:?}");
    enough.send_replace(true);
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    until_equal(&states).await;
    stage.over.send_replace(true);
    while let Some(ended) = nodes.join_next().await {
        ended.unwrap();
    }
    let heir = TestNode::start(cluster.sources_with("c", raw)).await;
    let term = heir.lead(MasterConfig::default()).await;
    let sum = Client::new(99, clock).read(&term.handle(), "x").await;
    assert_eq!(
        sum.unwrap(),
        *acknowledged.borrow(),
        "seed {seed}: each once"
    );
    term.handle().stop(TermEndReason::Shutdown);
    term.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_befalls_a_log_in_memory_nothing_acknowledged_is_lost_and_no_state_differs() {
    for seed in seeds::seeds() {
        let clock = Clock::system();
        let cluster = Cluster::new(clock.clone()).await;
        let raw = Arc::new(MemoryOpLog::open(&cluster.log));
        story(seed, &clock, &cluster, raw).await;
    }
}

#[cfg(feature = "file")]
#[tokio::test(flavor = "multi_thread")]
async fn whatever_befalls_a_log_in_files_nothing_acknowledged_is_lost_and_no_state_differs() {
    use standfast_backends::FileOpLog;
    use standfast_core::{ByteSize, Store};

    for seed in seeds::seeds() {
        let clock = Clock::system();
        let cluster = Cluster::new(clock.clone()).await;
        let dir = tempfile::tempdir().unwrap();
        let raw = FileOpLog::open(dir.path(), ByteSize::mib(1)).unwrap();
        raw.init(cluster.fingerprint).await.unwrap();
        story(seed, &clock, &cluster, Arc::new(raw)).await;
    }
}
