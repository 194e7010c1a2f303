use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use standfast_core::{
    Batch, Clock, Epoch, Error, ErrorKind, FenceToken, NodeId, OpLogStore, Position, Result, Seq,
    lapsed,
};
use tokio::sync::watch;

use super::followers::{Follower, Followers, Owes};
use super::in_sync::{InSync, InSyncRule, Seat};
use super::keeper::Elected;
use super::newest::Newest;

/// How long an append waits for standbys before it says so; it may be asked again.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where the streams of standbys meet the writer of the term. One for each node, whether it leads or not.
#[derive(Clone, Debug)]
pub struct Outlet(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    log: Arc<dyn OpLogStore>,
    clock: Clock,
    /// Whose logs count besides the primary's; none: nobody's.
    rule: Option<InSyncRule>,
    newest: watch::Sender<Newest>,
    followers: watch::Sender<Followers>,
    /// The term that was won, until its writer is opened.
    elected: Mutex<Option<Elected>>,
    /// First entry that is still in the log, as far as this process knows.
    floor: AtomicU64,
    streams: AtomicU64,
    /// Who is handed the term, and what it said.
    successor: Mutex<Option<(NodeId, Follower)>>,
    stopping: watch::Sender<bool>,
    /// Whether the last term was given up to members that do not reach this node, and how many in a row were.
    stands_back: AtomicBool,
    given_up: AtomicU32,
}

/// How replication stands, by the primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationStatus {
    /// The in-sync set, as the term record has it; empty where the primary's log alone counts.
    pub in_sync: Vec<NodeId>,
    /// Why it has too few standbys, if it does.
    pub too_few: Option<String>,
    /// Standbys that are sent the log, and up to where it is synced in theirs.
    pub standbys: Vec<(NodeId, Seq)>,
}

impl Outlet {
    /// Nothing is sent until a term begins. `log` is this node's own; `rule` says whose logs count besides.
    pub fn new(log: Arc<dyn OpLogStore>, rule: Option<InSyncRule>, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            log,
            clock,
            rule,
            newest: watch::Sender::default(),
            followers: watch::Sender::default(),
            elected: Mutex::default(),
            floor: AtomicU64::new(1),
            streams: AtomicU64::new(0),
            successor: Mutex::default(),
            stopping: watch::Sender::new(false),
            stands_back: AtomicBool::new(false),
            given_up: AtomicU32::new(0),
        }))
    }

    /// Whose logs count besides the primary's; none: nobody's.
    pub fn rule(&self) -> Option<InSyncRule> {
        self.0.rule
    }

    /// A term was won: its writer changes the term record on behalf of it.
    pub fn elected(&self, elected: Elected) {
        *self.0.elected.lock() = Some(elected);
    }

    /// The node is told to stop: a term that waits for standbys before it begins does not begin.
    pub fn stop(&self) {
        self.0.stopping.send_replace(true);
    }

    /// Whether the last term of this node was given up to others: told once.
    pub fn stands_back(&self) -> bool {
        self.0.stands_back.swap(false, Ordering::Relaxed)
    }

    /// How many terms in a row were given up to others.
    pub(super) fn given_up(&self) -> u32 {
        self.0.given_up.load(Ordering::Relaxed)
    }

    /// Gives the term up to others.
    pub(super) fn give_up(&self) {
        self.0.stands_back.store(true, Ordering::Relaxed);
        self.0.given_up.fetch_add(1, Ordering::Relaxed);
        self.0.followers.send_modify(Followers::give_up);
    }

    /// Members that have no stream.
    pub(super) fn away(&self) -> Vec<NodeId> {
        let owing = self.0.followers.borrow().owing().into_iter();
        let away = owing.filter(|(_, owes)| *owes == Owes::Presence);
        away.map(|((node, _), _)| node).collect()
    }

    /// As many standbys are in sync as asked for.
    pub(super) fn is_well(&self) {
        self.0.given_up.store(0, Ordering::Relaxed);
    }

    /// How replication stands in the term that is led, or about to begin; none where there is none.
    pub fn status(&self) -> Option<ReplicationStatus> {
        self.0.newest.borrow().token.as_ref()?;
        let followers = self.0.followers.borrow();
        let seats = followers.in_sync().map(InSync::seats);
        let connected = followers.connected().iter();
        let standbys = connected.map(|(node, follower)| (node.clone(), follower.synced.seq));
        Some(ReplicationStatus {
            in_sync: seats
                .into_iter()
                .flatten()
                .map(|(node, _)| node.clone())
                .collect(),
            too_few: followers.trouble().map(str::to_owned),
            standbys: standbys.collect(),
        })
    }

    /// The in-sync set of the newest term, as its record has it.
    pub fn seats(&self) -> Vec<Seat> {
        let followers = self.0.followers.borrow();
        let in_sync = followers.in_sync();
        in_sync.map_or_else(Vec::new, |in_sync| {
            in_sync.seats().iter().cloned().collect()
        })
    }

    /// What the successor said that [`Self::choose`] has waited for, if it is `node`.
    pub fn chosen(&self, node: &NodeId) -> Option<Follower> {
        let successor = self.0.successor.lock();
        let chosen = successor.as_ref().filter(|(chosen, _)| chosen == node);
        chosen.map(|(_, follower)| *follower)
    }

    /// Waits until a standby, `node` if named, has said that `position` is synced in its log, and remembers that: its stream
    /// ends with the term. Where other logs count it is a member of the in-sync set.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub async fn choose(&self, node: Option<&NodeId>, position: Position) -> NodeId {
        let mut followers = self.0.followers.subscribe();
        loop {
            let found = followers.borrow_and_update().successor(node, position);
            if let Some((successor, follower)) = found {
                *self.0.successor.lock() = Some((successor.clone(), follower));
                return successor;
            }
            if followers.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// End of what the newest term has committed; of use until the next one begins.
    pub fn committed(&self) -> Position {
        self.0.followers.borrow().committed()
    }

    /// The log begins here by now.
    pub fn trimmed(&self, floor: Seq) {
        self.0.floor.fetch_max(floor.0, Ordering::Relaxed);
    }

    pub(super) fn log(&self) -> &dyn OpLogStore {
        &*self.0.log
    }

    pub(super) fn floor(&self) -> Seq {
        Seq(self.0.floor.load(Ordering::Relaxed))
    }

    pub(super) fn newest(&self) -> watch::Receiver<Newest> {
        self.0.newest.subscribe()
    }

    pub(super) fn followers(&self) -> &watch::Sender<Followers> {
        &self.0.followers
    }

    /// A number for a standby's stream.
    pub(super) fn number_stream(&self) -> u64 {
        self.0.streams.fetch_add(1, Ordering::Relaxed)
    }

    /// A term begins with a log that is known committed up to `committed` and goes on with `unproved`. Gives who was elected,
    /// where other logs count.
    ///
    /// # Errors
    /// `Fenced` when another term was won meanwhile.
    pub(super) fn begin(
        &self,
        token: &FenceToken,
        committed: Position,
        unproved: Vec<Batch>,
    ) -> Result<Option<Elected>> {
        let tail = unproved.last().map_or(committed, Batch::end);
        let mut elected = None;
        if self.0.rule.is_some() {
            let taken = self.0.elected.lock().take();
            let own = taken.filter(|elected| elected.epoch == token.epoch);
            elected = Some(own.ok_or_else(|| {
                Error::new(ErrorKind::Fenced, "open writer")
                    .context(format!("epoch {} is no longer this node's", token.epoch))
            })?);
        }
        let in_sync =
            self.0.rule.zip(elected.as_ref()).map(|(rule, elected)| {
                InSync::new(rule, elected.own.clone(), elected.in_sync.clone())
            });
        // With a log that alone counts, what it holds is committed.
        let committed = if in_sync.is_some() { committed } else { tail };
        *self.0.successor.lock() = None;
        let followers = Followers::begin(token.epoch, tail, committed, in_sync);
        self.0.followers.send_replace(followers);
        let newest = Newest::begin(token.clone(), committed, unproved);
        self.0.newest.send_replace(newest);
        self.show();
        Ok(elected)
    }

    /// A batch is about to be stored: where other logs count, they are sent it meanwhile.
    pub(super) fn sending(&self, batch: &Batch) {
        if self.0.rule.is_none() {
            return;
        }
        let end = batch.end();
        self.0.followers.send_if_modified(|followers| {
            followers.sending(end);
            false
        });
        self.0.newest.send_if_modified(|newest| newest.add(batch));
    }

    /// A batch is in this node's own log.
    pub(super) fn stored(&self, batch: &Batch) {
        let end = batch.end();
        self.0.followers.send_if_modified(|followers| {
            followers.stored(end);
            false
        });
        if self.0.rule.is_some() {
            self.0.newest.send_if_modified(|newest| {
                newest.stored(batch);
                false
            });
        }
    }

    /// Waits for a while until a batch that is stored is committed, and says so to the streams, at once where this node's log
    /// alone counts.
    ///
    /// # Errors
    /// `Unavailable` while logs that count lack it: ask again. `Indeterminate` when the term is given up, and when the node is
    /// told to stop and it is the `first` batch of its term: nobody waits for such a term any more.
    ///
    /// # Cancel safety
    /// Cancel safe: ask again.
    pub(super) async fn commit(&self, batch: &Batch, first: bool) -> Result<()> {
        let end = batch.end();
        let mut followers = self.0.followers.subscribe();
        while !self
            .0
            .followers
            .send_if_modified(|followers| followers.commit(end))
        {
            let held = followers.wait_for(|followers| followers.holds(end.seq));
            if tokio::time::timeout(PATIENCE, held).await.is_err() {
                let given_up = self.0.followers.borrow().is_given_up();
                let gives_up = given_up || first && *self.0.stopping.borrow();
                return Err(self.lacking(if gives_up {
                    ErrorKind::Indeterminate
                } else {
                    ErrorKind::Unavailable
                }));
            }
        }
        let alone = self.0.rule.is_none();
        self.0.newest.send_if_modified(|newest| {
            if alone {
                newest.stored(batch);
            }
            newest.committed = end;
            alone
        });
        Ok(())
    }

    /// Waits until all logs that count hold what this node's does.
    ///
    /// # Errors
    /// `Fenced` when the term ends before that; `Unavailable` when it is given up, or the node is told to stop.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub(super) async fn held(&self, elected: &Elected, tail: Seq) -> Result<()> {
        let mut followers = self.0.followers.subscribe();
        let mut given_up = self.0.followers.subscribe();
        let mut stopping = self.0.stopping.subscribe();
        // All arms are cancel safe.
        let why = tokio::select! {
            _ = followers.wait_for(|followers| followers.holds(tail)) => return Ok(()),
            _ = given_up.wait_for(Followers::is_given_up) => ErrorKind::Unavailable,
            () = lapsed(self.0.clock.clone(), elected.validity.clone()) => ErrorKind::Fenced,
            _ = stopping.wait_for(|stopping| *stopping) => ErrorKind::Unavailable,
        };
        Err(Error::new(why, "open writer").context("standbys in sync lack the end of the log"))
    }

    fn lacking(&self, kind: ErrorKind) -> Error {
        let followers = self.0.followers.borrow();
        let owing: Vec<_> = followers
            .owing()
            .into_keys()
            .map(|(node, _)| node.to_string())
            .collect();
        Error::new(kind, "append").context(match followers.trouble() {
            Some(trouble) => trouble.to_owned(),
            None => format!("waiting for {}", owing.join(", ")),
        })
    }

    /// Standbys are told what is committed: no batch follows at once to say so.
    pub(super) fn tell(&self) {
        self.0.newest.send_if_modified(Newest::tell);
    }

    /// The term of this epoch has no writer any more.
    pub(super) fn end(&self, epoch: Epoch) {
        let ended = self
            .0
            .newest
            .send_if_modified(|newest| newest.end_term(epoch));
        if ended && self.0.rule.is_some() {
            self.0
                .followers
                .send_modify(|followers| followers.set_trouble(None));
            show(0, false);
        }
    }

    /// Shows the in-sync set in the metrics.
    pub(super) fn show(&self) {
        let followers = self.0.followers.borrow();
        if let Some(in_sync) = followers.in_sync() {
            show(in_sync.seats().len(), followers.trouble().is_some());
        }
    }

    /// A standby's stream has ended: what it said counts no more.
    pub(super) fn left(&self, node: &NodeId, stream: u64) {
        self.0
            .followers
            .send_if_modified(|followers| followers.left(node, stream));
    }

    /// A standby's log is synced up to here.
    pub(super) fn synced(&self, epoch: Epoch, node: &NodeId, follower: Follower) {
        self.0
            .followers
            .send_if_modified(|followers| followers.synced(epoch, node, follower));
    }
}

fn show(members: usize, too_few: bool) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
    metrics::gauge!("standfast_in_sync_members").set(members as f64);
    metrics::gauge!("standfast_in_sync_too_few").set(if too_few { 1.0 } else { 0.0 });
}
