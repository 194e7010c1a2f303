use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use standfast::testing::Cluster;
use standfast::{
    Application, Change, ErrorKind, Refusal, RequestHeader, Result, Role, Rows, RowsMut, Typed,
    TypedProposer,
};
use standfast_core::NodeId;

use crate::counter::Counters;

const SOON: Duration = Duration::from_secs(5);

async fn start(nodes: usize) -> Cluster {
    Cluster::start(nodes, || Typed::new(|| Counters))
        .await
        .unwrap()
}

async fn add(counters: &TypedProposer<Counters>, by: u64) -> Result<u64> {
    let header = RequestHeader::default();
    let added = counters.propose(header, ("x".to_owned(), by), SOON).await;
    added.map(|sum| sum.unwrap())
}

async fn read(counters: &TypedProposer<Counters>) -> Result<u64> {
    counters.read("x".to_owned(), SOON).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_are_killed_one_after_the_other_lose_nothing_and_come_back() {
    let mut cluster = start(3).await;
    let mut sum = 0;
    for _ in 0..3 {
        let primary = cluster.primary().await.unwrap();
        let counters = primary.typed_proposer::<Counters>();
        assert_eq!(read(&counters).await.unwrap(), sum);
        sum += 1;
        assert_eq!(add(&counters, 1).await.unwrap(), sum);
        cluster.kill(primary.node()).await.unwrap();
        let error = add(&counters, 1).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::NotPrimary { address: None });
        assert_eq!(*primary.roles().borrow(), Role::Failed);
        let gone = cluster.node(primary.node()).unwrap_err();
        assert!(gone.to_string().contains("`restart` it first"), "{gone}");
        cluster.restart(primary.node()).await.unwrap();
    }
    let position = cluster.settled().await.unwrap();
    assert_eq!(position.seq.0, 6 + 1, "three additions, four terms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_is_cut_off_is_succeeded_when_its_lease_has_run_out_and_then_follows() {
    let mut cluster = start(3).await;
    let first = cluster.primary().await.unwrap();
    let before = first.typed_proposer::<Counters>();
    assert_eq!(add(&before, 5).await.unwrap(), 5);
    cluster.cut(first.node()).unwrap();
    // It still holds its lease, and answers from memory; what it writes arrives nowhere.
    assert_eq!(read(&before).await.unwrap(), 5);
    let (lost, moved) = tokio::join!(add(&before, 100), cluster.advance(Cluster::LEASE));
    moved.unwrap();
    lost.unwrap_err();
    let second = cluster.primary().await.unwrap();
    assert_ne!(second.node(), first.node());
    let after = second.typed_proposer::<Counters>();
    assert_eq!(add(&after, 1).await.unwrap(), 6);
    cluster.heal(first.node()).unwrap();
    cluster.settled().await.unwrap();
    assert_eq!(*first.roles().borrow(), Role::Standby);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_passes_for_the_service_and_nobody_loses_the_lead() {
    let cluster = start(2).await;
    let primary = cluster.primary().await.unwrap();
    let epoch = primary.proposer().leads();
    let begun = cluster.clock().now();
    cluster.advance(Duration::from_hours(1)).await.unwrap();
    assert_eq!(cluster.clock().now().since(begun), Duration::from_hours(1));
    assert_eq!(primary.proposer().leads(), epoch);
    assert_eq!(add(&primary.typed_proposer(), 1).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_come_to_pass_is_told_with_what_is_there_instead() {
    let mut cluster = start(1).await;
    let primary = cluster.primary().await.unwrap();
    cluster.cut(primary.node()).unwrap();
    let cluster = cluster.with_patience(Duration::from_millis(20));
    let error = cluster.primary().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains(", cut off"), "{error}");
    let nobody = NodeId::new("z").unwrap();
    let error = cluster.node(&nobody).unwrap_err();
    assert!(error.to_string().contains("no node `z`"), "{error}");
    let error = Cluster::start(27, || Typed::new(|| Counters))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("1 to 26"), "{error}");
}

/// Every row it writes is another.
#[derive(Debug)]
struct Random;

static WRITTEN: AtomicU64 = AtomicU64::new(0);

impl Application for Random {
    type Key = u64;
    type Row = u64;
    type Op = ();
    type Command = ();
    type Reply = ();
    type Query = ();
    type Answer = ();

    fn decide(&self, _: &Rows<'_, Self>, _: u64, (): &()) -> Result<Change<Self>, Refusal> {
        Ok(Change::commit(1, ()))
    }

    fn apply(rows: &mut RowsMut<'_, '_, Self>, _: u64, key: u64, (): ()) {
        rows.insert(key, WRITTEN.fetch_add(1, Ordering::Relaxed));
    }

    fn query(&self, _: &Rows<'_, Self>, _: u64, (): &()) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn states_that_differ_are_found() {
    let cluster = Cluster::start(2, || Typed::new(|| Random)).await.unwrap();
    let primary = cluster.primary().await.unwrap();
    let random = primary.typed_proposer::<Random>();
    random
        .propose(RequestHeader::default(), (), SOON)
        .await
        .unwrap()
        .unwrap();
    let error = cluster.settled().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Corrupt);
    assert!(
        error.to_string().contains("assert_deterministic"),
        "{error}"
    );
}
