use std::time::Duration;

use async_trait::async_trait;

use super::parts::{member, win, within};
use super::trial::ElectionTrial;
use super::twist::ElectionTwist;
use super::{Election, proves_death};
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure_eq};
use crate::conformance::parts::{cluster, ensure_refused, node};
use crate::election::{ElectionBackend, LogId, Member, Registration, TermRecord};
use crate::error::{ErrorKind, Result};
use crate::words::{Epoch, Position, Seq};

/// How long until the members are looked at again.
const LOOK: Duration = Duration::from_millis(10);

pub(super) fn cases() -> Vec<Case<Election>> {
    vec![
        case!(
            the_term_record_outlives_its_leader,
            ["EL-8"],
            needs [],
            twin LosesTheRecordWithTheLeader
        ),
        case!(
            a_node_is_registered_once,
            ["EL-10"],
            needs [],
            twin RegistersTwice
        ),
        case!(
            a_living_leader_is_not_deposed,
            ["EL-5", "h01"],
            needs [proves_death],
            twin DeposesAnybody
        ),
    ]
}

/// Keeps the term record as long as somebody leads.
struct LosesTheRecordWithTheLeader;

#[async_trait]
impl ElectionTwist for LosesTheRecordWithTheLeader {
    async fn term_record(&self, election: &dyn ElectionBackend) -> Result<Option<TermRecord>> {
        match election.current().await? {
            Some(_) => election.term_record().await,
            None => Ok(None),
        }
    }
}

async fn the_term_record_outlives_its_leader(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let (a, b) = (place.open().await?, place.open().await?);
    ensure_eq!(a.term_record().await?, None, "the term record at first");
    let first = win(&*a, "a", 0).await?;
    let mut record = TermRecord {
        epoch: first.token().epoch,
        in_sync: vec![(node("a"), LogId(5))],
        committed: Position::genesis(cluster()),
    };
    first.publish(&record).await?;
    let found = b.term_record().await?;
    ensure_eq!(found, Some(record.clone()), "the term record");
    record.in_sync.clear();
    first.publish(&record).await?;
    first.resign(None).await?;
    let found = b.term_record().await?;
    ensure_eq!(
        found,
        Some(record.clone()),
        "the record of a term that is over"
    );
    let next = win(&*b, "b", 0).await?;
    let late = next.publish(&record).await;
    ensure_refused(late, &ErrorKind::Fenced, "a record of an older term")?;
    record.epoch = next.token().epoch;
    next.publish(&record).await?;
    ensure_eq!(
        a.term_record().await?,
        Some(record),
        "the next term's record"
    );
    Ok(())
}

/// Lets two processes have one node id.
struct RegistersTwice;

struct Registered;

#[async_trait]
impl Registration for Registered {
    async fn update(&self, _member: &Member) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl ElectionTwist for RegistersTwice {
    async fn register(
        &self,
        election: &dyn ElectionBackend,
        member: &Member,
    ) -> Result<Box<dyn Registration>> {
        match election.register(member).await {
            Err(error) if *error.kind() == ErrorKind::AlreadyExists => Ok(Box::new(Registered)),
            answer => answer,
        }
    }
}

async fn a_node_is_registered_once(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let (a, b) = (place.open().await?, place.open().await?);
    let registration = a.register(&member("n")).await?;
    let second = b.register(&member("n")).await;
    ensure_refused(second, &ErrorKind::AlreadyExists, "a second of one node id")?;
    let other = b.register(&member("m")).await?;
    let mut changed = member("n");
    changed.applied = Seq(4);
    registration.update(&changed).await?;
    let wanted = vec![member("m"), changed];
    ensure_eq!(b.members().await?, wanted, "the members");
    drop(registration);
    ensure_left(&*b, &[member("m")]).await?;
    drop(b.register(&member("n")).await?);
    drop(other);
    ensure_left(&*a, &[]).await
}

/// Waits until `members` are those that are left: dropping a registration cannot await its end.
async fn ensure_left(election: &dyn ElectionBackend, members: &[Member]) -> Outcome {
    let looks = async {
        while election.members().await? != members {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    };
    within("the end of a registration that was dropped", looks).await?
}

/// Ends any term it is asked to end.
struct DeposesAnybody;

#[async_trait]
impl ElectionTwist for DeposesAnybody {
    async fn depose(&self, _election: &dyn ElectionBackend, _expected: Epoch) -> Result<()> {
        Ok(())
    }
}

async fn a_living_leader_is_not_deposed(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let (a, b) = (place.open().await?, place.open().await?);
    let leadership = win(&*a, "a", 0).await?;
    let epoch = leadership.token().epoch;
    let deposed = b.depose(epoch).await;
    ensure_refused(deposed, &ErrorKind::Unavailable, "deposing a living leader")?;
    let deposed = b.depose(Epoch(77)).await;
    ensure_refused(deposed, &ErrorKind::NotFound, "deposing one that never led")?;
    leadership.confirm().await?;
    leadership.resign(None).await?;
    let deposed = b.depose(epoch).await;
    ensure_refused(deposed, &ErrorKind::NotFound, "deposing one that resigned")?;
    Ok(())
}
