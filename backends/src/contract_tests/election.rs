use std::sync::Arc;
use std::time::Duration;

use super::support::*;
use standfast_core::{
    BootInstant, Clock, ElectionBackend, Epoch, ErrorKind, Leadership, Member, Position, Role, Seq,
    TermRecord,
};

/// A fresh election that several handles share.
pub(crate) trait ElectionFixture: Send + Sync {
    /// A new one of [`cluster`].
    fn new() -> impl Future<Output = Self>;

    /// Another handle, as another node's process would have it.
    fn open(&self, clock: &Clock) -> Arc<dyn ElectionBackend>;

    /// Makes the present leader look like a process that stands still.
    fn freeze_leader(&self);
}

async fn win(election: &dyn ElectionBackend, name: &str, at_least: u64) -> Box<dyn Leadership> {
    tokio::time::timeout(
        Duration::from_secs(10),
        election.campaign(&candidate(name), Epoch(at_least)),
    )
    .await
    .expect("leadership within ten seconds")
    .unwrap()
}

async fn is_refused(election: &dyn ElectionBackend, name: &str) -> bool {
    let wait = Duration::from_millis(60);
    tokio::time::timeout(wait, election.campaign(&candidate(name), Epoch::ZERO))
        .await
        .is_err()
}

/// Lets time pass, for a story that runs beside it and is over long before.
async fn pass_time(clock: &Clock) {
    for _ in 0..1000 {
        clock.advance(Duration::from_millis(100));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn member(name: &str) -> Member {
    Member {
        candidate: candidate(name),
        role: Role::Standby,
        epoch: Epoch(1),
        applied: Seq(3),
        digest: None,
        version: "0.1.0".into(),
    }
}

pub(crate) async fn one_leads_and_the_others_wait<F: ElectionFixture>() {
    let fixture = F::new().await;
    let clock = Clock::system();
    let (a, b) = (fixture.open(&clock), fixture.open(&clock));
    assert_eq!(a.epoch().await.unwrap(), Epoch::ZERO);
    let first = win(&*a, "a", 6).await;
    assert_eq!(first.token().epoch, Epoch(7), "EL-1: above at_least");
    assert_eq!(first.token().cluster, cluster());
    assert!(is_refused(&*b, "b").await);
    first.confirm().await.unwrap();
    let mut validity = first.validity();
    let begin = *validity.borrow_and_update();
    assert!(begin > clock.now());
    validity.wait_for(|until| *until > begin).await.unwrap();
    drop(first);
    assert_eq!(*validity.borrow(), BootInstant::NEVER);
    assert_eq!(win(&*b, "b", 0).await.token().epoch, Epoch(8));
}

pub(crate) async fn a_candidate_that_gives_up_holds_nothing<F: ElectionFixture>() {
    let fixture = F::new().await;
    let clock = Clock::system();
    let (a, b) = (fixture.open(&clock), fixture.open(&clock));
    let first = win(&*a, "a", 0).await;
    assert!(is_refused(&*b, "b").await);
    drop(first);
    let again = win(&*a, "a", 0).await;
    again.confirm().await.unwrap();
}

pub(crate) async fn the_record_says_serving_only_after_the_announcement<F: ElectionFixture>() {
    let fixture = F::new().await;
    let clock = Clock::system();
    let (a, b) = (fixture.open(&clock), fixture.open(&clock));
    let mut watch = b.observe().await.unwrap();
    assert_eq!(watch.next().await.unwrap(), None);
    let first = win(&*a, "a", 0).await;
    let record = watch.next().await.unwrap().expect("a leads");
    assert_eq!(record.candidate, candidate("a"));
    assert!(!record.serving, "EL-7");
    assert_eq!(b.announced().await.unwrap(), Epoch::ZERO);
    first.announce().await.unwrap();
    assert_eq!(b.announced().await.unwrap(), Epoch(1));
    let record = watch.next().await.unwrap().expect("a leads");
    assert!(record.serving && record.epoch == Epoch(1));
    assert_eq!(b.current().await.unwrap(), Some(record));
    first.resign(None).await.unwrap();
    assert_eq!(watch.next().await.unwrap(), None);
    let unannounced = win(&*b, "b", 0).await;
    assert_eq!(a.announced().await.unwrap(), Epoch(1), "EL-9");
    unannounced.resign(None).await.unwrap();
}

pub(crate) async fn a_named_successor_goes_first<F: ElectionFixture>() {
    for round in 0..5 {
        let fixture = F::new().await;
        let clock = Clock::system();
        let first = win(&*fixture.open(&clock), "a", 0).await;
        let (other, named) = (fixture.open(&clock), fixture.open(&clock));
        let (b, c) = (candidate("b"), candidate("c"));
        let race = async {
            tokio::select! {
                biased;
                won = other.campaign(&b, Epoch::ZERO) => won,
                won = named.campaign(&c, Epoch::ZERO) => won,
            }
        };
        let resign = first.resign(Some(&c.node));
        let (won, resigned) = tokio::join!(race, resign);
        resigned.unwrap();
        assert_eq!(won.unwrap().token().holder, c.node, "round {round}");
    }
}

pub(crate) async fn without_the_successor_another_takes_over<F: ElectionFixture>() {
    let fixture = F::new().await;
    let clock = Clock::system();
    let first = win(&*fixture.open(&clock), "a", 0).await;
    first.resign(Some(&node("gone"))).await.unwrap();
    assert_eq!(
        win(&*fixture.open(&clock), "b", 0).await.token().epoch,
        Epoch(2)
    );
}

pub(crate) async fn a_frozen_leader_loses_its_lease_after_its_ttl<F: ElectionFixture>() {
    let fixture = F::new().await;
    let clock = Clock::manual();
    let (a, b) = (fixture.open(&clock), fixture.open(&clock));
    let frozen = win(&*a, "a", 0).await;
    fixture.freeze_leader();
    let until = *frozen.validity().borrow();
    assert!(is_refused(&*b, "b").await, "no time has passed");
    clock.advance(until.since(clock.now()));
    assert!(is_refused(&*b, "b").await, "EL-2: the margin is not over");
    clock.advance(Duration::from_secs(5));
    let next = win(&*b, "b", 0).await;
    assert!(next.token().epoch > frozen.token().epoch);
    let error = frozen.confirm().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Fenced);
    assert!(*frozen.validity().borrow() < clock.now());
}

pub(crate) async fn resigning_or_dropping_ends_only_ones_own_term<F: ElectionFixture>() {
    let fixture = F::new().await;
    let clock = Clock::manual();
    let (a, b) = (fixture.open(&clock), fixture.open(&clock));
    let frozen = win(&*a, "a", 0).await;
    fixture.freeze_leader();
    let next = tokio::select! {
        next = win(&*b, "b", 0) => next,
        () = pass_time(&clock) => panic!("nobody took over from a frozen leader"),
    };
    drop(frozen.resign(Some(&node("a"))).await);
    next.confirm().await.expect("EL-5");
    assert!(b.current().await.unwrap().is_some());
}

pub(crate) async fn reopen_claims_a_higher_epoch_and_keeps_the_seat<F: ElectionFixture>() {
    let fixture = F::new().await;
    let clock = Clock::system();
    let (a, b) = (fixture.open(&clock), fixture.open(&clock));
    let mut leadership = win(&*a, "a", 0).await;
    leadership.announce().await.unwrap();
    let old = leadership.token().clone();
    leadership.reopen(Epoch(9)).await.unwrap();
    assert_eq!(leadership.token().epoch, Epoch(10));
    assert_ne!(leadership.token().nonce, old.nonce);
    leadership.confirm().await.unwrap();
    assert!(is_refused(&*b, "b").await);
    let record = b.current().await.unwrap().expect("a leads still");
    assert_eq!(record.epoch, Epoch(10));
    let mut validity = leadership.validity();
    let now = *validity.borrow_and_update();
    validity.wait_for(|until| *until > now).await.unwrap();
}

pub(crate) async fn a_living_leader_is_not_deposed<F: ElectionFixture>() {
    let fixture = F::new().await;
    let clock = Clock::system();
    let (a, b) = (fixture.open(&clock), fixture.open(&clock));
    let leadership = win(&*a, "a", 0).await;
    let error = b.depose(leadership.token().epoch).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unavailable, "{error}");
    let error = b.depose(Epoch(77)).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotFound, "{error}");
    leadership.confirm().await.unwrap();
}

pub(crate) async fn the_term_record_outlives_its_leader<F: ElectionFixture>() {
    let fixture = F::new().await;
    let clock = Clock::system();
    let (a, b) = (fixture.open(&clock), fixture.open(&clock));
    assert_eq!(a.term_record().await.unwrap(), None);
    let first = win(&*a, "a", 0).await;
    let mut record = TermRecord {
        epoch: first.token().epoch,
        in_sync: vec![(node("a"), standfast_core::LogId(5))],
        committed: Position::genesis(cluster()),
    };
    first.publish(&record).await.unwrap();
    record.in_sync.clear();
    first.publish(&record).await.unwrap();
    drop(first);
    assert_eq!(b.term_record().await.unwrap(), Some(record.clone()));
    let next = win(&*b, "b", 0).await;
    let error = next.publish(&record).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Fenced, "of an older term");
}

pub(crate) async fn a_node_id_is_registered_once<F: ElectionFixture>() {
    let fixture = F::new().await;
    let clock = Clock::system();
    let (a, b) = (fixture.open(&clock), fixture.open(&clock));
    let registration = a.register(&member("n")).await.unwrap();
    let error = refusal(b.register(&member("n")).await);
    assert_eq!(*error.kind(), ErrorKind::AlreadyExists, "{error}");
    let mut changed = member("n");
    changed.applied = Seq(4);
    registration.update(&changed).await.unwrap();
    assert_eq!(b.members().await.unwrap(), [changed]);
    drop(registration);
    assert_eq!(b.members().await.unwrap(), []);
    drop(b.register(&member("n")).await.unwrap());
}

pub(crate) async fn an_election_of_another_cluster_is_foreign<F: ElectionFixture>() {
    let fixture = F::new().await;
    let election = fixture.open(&Clock::system());
    assert_eq!(election.fingerprint().await.unwrap(), Some(cluster()));
    election.init(cluster()).await.unwrap();
    let error = election.init(stranger()).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Foreign);
}

macro_rules! election_stories {
    ($fixture:ty) => {
        $crate::contract_tests::oplog_stories!($fixture:
            election: one_leads_and_the_others_wait,
            election: a_candidate_that_gives_up_holds_nothing,
            election: the_record_says_serving_only_after_the_announcement,
            election: a_named_successor_goes_first,
            election: without_the_successor_another_takes_over,
            election: a_frozen_leader_loses_its_lease_after_its_ttl,
            election: resigning_or_dropping_ends_only_ones_own_term,
            election: reopen_claims_a_higher_epoch_and_keeps_the_seat,
            election: a_living_leader_is_not_deposed,
            election: the_term_record_outlives_its_leader,
            election: a_node_id_is_registered_once,
            election: an_election_of_another_cluster_is_foreign,
            race: of_racing_candidates_one_at_a_time_believes
        );
    };
}
pub(crate) use election_stories;
