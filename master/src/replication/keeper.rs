use std::sync::{Arc, Weak};
use std::time::Duration;

use standfast_core::{
    BootInstant, ElectionBackend, Epoch, Error, ErrorKind, Leadership, Result, Role, TermRecord,
};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::followers::{Followers, Owes};
use super::in_sync::{InSyncRule, Seat};
use super::outlet::Outlet;
use super::patience::{Patience, TICK, Verdict};

/// First and longest pause before a change that was not answered is written again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Looks at too few standbys after which others are asked for that could lead; doubled with each term that was given up.
const FORSAKEN: u64 = 250;
/// Most doublings of that.
const DOUBLINGS: u32 = 6;

/// A term that was won, by a node whose log counts others' as well.
#[derive(Clone, Debug)]
pub struct Elected {
    /// Its epoch.
    pub epoch: Epoch,
    /// This node's place in the set.
    pub own: Seat,
    /// The set, as the term record has it.
    pub in_sync: Vec<Seat>,
    /// Until when the term is believed in.
    pub validity: watch::Receiver<BootInstant>,
    /// Who is alive.
    pub election: Arc<dyn ElectionBackend>,
    /// Writes the term record. Not held: it ends with its term.
    pub leadership: Weak<Box<dyn Leadership>>,
}

/// Keeps the in-sync set of a term: who lacks nothing joins, who owes something for too long leaves.
pub(super) struct Keeper {
    outlet: Outlet,
    elected: Elected,
    patience: Patience,
    /// Looks since writes wait.
    waits: u64,
}

impl Keeper {
    pub(super) fn new(outlet: Outlet, elected: Elected, rule: InSyncRule) -> Self {
        Self {
            outlet,
            elected,
            patience: Patience::new(rule.member_timeout),
            waits: 0,
        }
    }

    /// Runs until the term ends.
    ///
    /// # Cancel safety
    /// Cancel safe: a change that was not answered counts as that, and the term ends.
    pub(super) async fn run(mut self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if self.is_forsaken() && self.others_could_lead().await {
                self.outlet.give_up();
                return;
            }
            if let Some(seats) = self.look()
                && !self.write(&seats).await
            {
                return;
            }
        }
    }

    /// Looks at who does what members do; gives the set as it is to be, if it changes.
    fn look(&mut self) -> Option<Vec<Seat>> {
        let (mut changed, mut shown, mut waits) = (None, false, false);
        let patience = &mut self.patience;
        // All at once: nothing is committed in between.
        self.outlet.followers().send_modify(|followers| {
            let verdict = patience.look(followers);
            shown = tell_trouble(followers, &verdict.leaving);
            waits = followers.waits();
            let Some(in_sync) = followers.in_sync_mut() else {
                return;
            };
            let Verdict {
                joining,
                leaving,
                courted,
            } = verdict;
            let leaving = leaving.into_iter().map(|(seat, _)| seat);
            changed = in_sync.change(joining, leaving);
            // Nobody but members is waited for while the record is written: that may take long.
            let courted = if in_sync.changes() {
                Vec::new()
            } else {
                courted
            };
            in_sync.court(courted);
        });
        if shown {
            self.outlet.show();
        }
        if waits {
            self.waits += 1;
        } else {
            self.waits = 0;
            self.outlet.is_well();
        }
        changed.map(|seats| seats.into_iter().collect())
    }

    /// Whether writes wait for so long that others are looked for.
    fn is_forsaken(&self) -> bool {
        let patience = FORSAKEN << self.outlet.given_up().min(DOUBLINGS);
        self.waits > 0 && self.waits.is_multiple_of(patience)
    }

    /// Whether members follow nobody though they are alive: this node is cut off from them, and one of them may lead those
    /// that it can reach.
    async fn others_could_lead(&self) -> bool {
        let members = match self.elected.election.members().await {
            Ok(members) => members,
            Err(error) => {
                tracing::debug!(%error, "who else could lead is not known");
                return false;
            }
        };
        let away = self.outlet.away();
        let alive = members
            .iter()
            .find(|member| member.role == Role::Standby && away.contains(&member.candidate.node));
        if let Some(member) = alive {
            let node = &member.candidate.node;
            tracing::error!(
                %node,
                "a member of the in-sync set is alive and not connected to this node, which has too few standbys: the term is \
                 given up to it; is [node] advertise, or the network between them, in order?"
            );
        }
        alive.is_some()
    }

    /// Writes a change until it is answered; false when the term is over.
    async fn write(&self, seats: &[Seat]) -> bool {
        let names: Vec<_> = seats.iter().map(|(node, _)| node.as_str()).collect();
        let names = names.join(", ");
        let mut pause = PAUSES.0;
        loop {
            match self.publish(seats).await {
                Ok(()) => break,
                Err(error) if *error.kind() == ErrorKind::Fenced => {
                    tracing::info!(%error, "the in-sync set is another term's by now");
                    return false;
                }
                Err(error) if pause == PAUSES.0 => {
                    tracing::warn!(%error, in_sync = %names, "the in-sync set could not be written; trying again");
                }
                Err(error) => {
                    tracing::debug!(%error, in_sync = %names, "the in-sync set could not be written");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
        tracing::info!(in_sync = %names, "the in-sync set has changed");
        metrics::counter!("standfast_in_sync_changes_total").increment(1);
        self.outlet.followers().send_modify(|followers| {
            if let Some(in_sync) = followers.in_sync_mut() {
                in_sync.answered();
            }
        });
        self.outlet.show();
        true
    }

    async fn publish(&self, seats: &[Seat]) -> Result<()> {
        let over = || Error::new(ErrorKind::Fenced, "change the in-sync set");
        let leadership = self.elected.leadership.upgrade().ok_or_else(over)?;
        let record = TermRecord {
            epoch: self.elected.epoch,
            in_sync: seats.to_vec(),
            committed: self.outlet.committed(),
        };
        leadership.publish(&record).await
    }
}

/// Says whether there are too few, once when it begins and once when it ends; whether it did.
fn tell_trouble(followers: &mut Followers, leaving: &[(Seat, Owes)]) -> bool {
    let Some(in_sync) = followers.in_sync() else {
        return false;
    };
    let wanted = in_sync.min_acks();
    let is_leaving = |seat: &Seat| leaving.iter().any(|(other, _)| other == seat);
    let there = in_sync.seats().iter().filter(|seat| !is_leaving(seat));
    let there = there.count().saturating_sub(1);
    let trouble = (there < wanted).then(|| {
        let mut told = format!("{there} of {wanted} standbys are in sync");
        for ((node, _), owes) in leaving {
            told = format!("{told}, {node} {owes}");
        }
        if in_sync.is_enough(there + 1) {
            told + ": writes are acknowledged all the same (on_too_few = \"alarm\")"
        } else {
            told + ": writes wait"
        }
    });
    if followers.trouble() == trouble.as_deref() {
        return false;
    }
    if let Some(trouble) = &trouble {
        tracing::error!("{trouble}");
    } else {
        tracing::info!("as many standbys are in sync as asked for");
    }
    followers.set_trouble(trouble);
    true
}
