use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use standfast_core::{
    BootInstant, Clock, ElectionBackend, Epoch, LeaderRecord, NodeId, Position, Result, Role, Seq,
};
use standfast_wire::v1::HeartbeatRequest;
use standfast_wire::v1::replication_service_client::ReplicationServiceClient;
use standfast_wire::{position_from_wire, position_to_wire};
use tokio::sync::watch;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::IntervalStream;
use tonic::transport::Endpoint;

use crate::progress::Progress;

/// How often both sides tell where they are.
const BEAT: Duration = Duration::from_millis(30);
/// How long connecting may take, and how long a stream may be silent.
const PATIENCE: Duration = Duration::from_millis(500);

/// Heartbeats that are remembered to tell for how long this node is behind.
const REPORTED: usize = 64;

/// What this node knows of the primary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrimaryView {
    /// Who leads, as the election store has it.
    pub leader: Option<LeaderRecord>,
    /// Term that the last heartbeat named.
    pub epoch: Epoch,
    /// Last entry it had decided.
    pub tail: Seq,
    /// Last batch end it had committed.
    pub committed: Position,
    /// When the last heartbeat came; `NEVER` before the first of this leader.
    pub seen: BootInstant,
    /// What heartbeats named as committed and was not applied here at the time, oldest first, and when they came.
    reported: VecDeque<(Seq, BootInstant)>,
}

impl PrimaryView {
    /// When the oldest entry was reported that is committed and not applied here; `None` when there is none.
    pub fn behind_since(&self, applied: Seq) -> Option<BootInstant> {
        let missing = self.reported.iter().find(|(seq, _)| *seq > applied);
        missing.map(|(_, at)| *at)
    }

    /// A heartbeat came.
    fn report(&mut self, committed: Position, applied: Seq, now: BootInstant) {
        self.committed = committed;
        self.seen = now;
        self.reported.retain(|(seq, _)| *seq > applied);
        if committed.seq <= applied {
            return;
        }
        // Of a standby that is far behind, the oldest ones say for how long.
        if self.reported.len() == REPORTED {
            self.reported.pop_back();
        }
        self.reported.push_back((committed.seq, now));
    }
}

/// Who asks, and of which cluster.
#[derive(Clone, Debug)]
pub struct Watcher {
    /// This node.
    pub node: NodeId,
    /// Its cluster.
    pub fingerprint: [u8; 16],
    /// Time.
    pub clock: Clock,
    /// What this node does: one that has failed is no standby, and does not pass for one.
    pub role: watch::Receiver<Role>,
}

/// Follows who leads, holds a heartbeat stream to it, and deposes it when its process is proved dead. Runs until
/// it is dropped.
///
/// # Errors
/// When the election cannot be watched at all.
///
/// # Cancel safety
/// Cancel safe.
pub async fn watch_primary(
    watcher: Watcher,
    election: Arc<dyn ElectionBackend>,
    progress: watch::Receiver<Progress>,
    view: watch::Sender<PrimaryView>,
) -> Result<()> {
    let mut observed = election.observe().await?;
    let mut leader = None;
    loop {
        // Kept while streams to a primary end and are opened again: a slow store would begin anew with each.
        let mut next = observed.next();
        let heard = loop {
            view.send_modify(|view| {
                view.leader.clone_from(&leader);
                view.seen = BootInstant::NEVER;
                view.reported.clear();
            });
            // Both arms are cancel safe: a dropped stream is opened again, a change is told by the next call.
            tokio::select! {
                () = hold(&watcher, leader.as_ref(), &*election, &progress, &view) => {}
                heard = &mut next => break heard,
            }
        };
        drop(next);
        match heard {
            Ok(record) => leader = record,
            Err(error) => {
                tracing::debug!(%error, "cannot see who leads");
                tokio::time::sleep(PATIENCE).await;
            }
        }
    }
}

/// Holds a stream to another that leads, and deposes it when that has ended and its process is proved dead. Never returns
/// where nobody else leads.
async fn hold(
    watcher: &Watcher,
    leader: Option<&LeaderRecord>,
    election: &dyn ElectionBackend,
    progress: &watch::Receiver<Progress>,
    view: &watch::Sender<PrimaryView>,
) {
    let Some(record) =
        leader.filter(|record| record.serving && record.candidate.node != watcher.node)
    else {
        return std::future::pending().await;
    };
    // Both arms are cancel safe: a failed node stays so.
    tokio::select! {
        biased;
        () = failed(watcher.role.clone()) => std::future::pending().await,
        () = hold_stream(watcher, record, progress, view) => {}
    }
    depose(election, record.epoch).await;
    tokio::time::sleep(BEAT).await;
}

async fn failed(mut role: watch::Receiver<Role>) {
    if role.wait_for(|role| *role == Role::Failed).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Holds one stream until it ends or falls silent.
async fn hold_stream(
    watcher: &Watcher,
    record: &LeaderRecord,
    progress: &watch::Receiver<Progress>,
    view: &watch::Sender<PrimaryView>,
) {
    let Err(error) = beat(watcher, record, progress, view).await else {
        return;
    };
    metrics::counter!("standfast_heartbeat_breaks_total").increment(1);
    tracing::debug!(%error, node = %record.candidate.node, "the heartbeat stream ended");
}

async fn beat(
    watcher: &Watcher,
    record: &LeaderRecord,
    progress: &watch::Receiver<Progress>,
    view: &watch::Sender<PrimaryView>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let endpoint = Endpoint::from_shared(format!("http://{}", record.candidate.endpoint))?
        .connect_timeout(PATIENCE)
        .tcp_nodelay(true);
    let mut client = ReplicationServiceClient::new(endpoint.connect().await?);
    let (node, fingerprint) = (watcher.node.to_string(), watcher.fingerprint.to_vec());
    let own = progress.clone();
    // The connection goes on sending a request whose answer nobody reads any more: it ends with this call.
    let alive = Arc::new(());
    let listens = Arc::downgrade(&alive);
    let requests = IntervalStream::new(tokio::time::interval(BEAT))
        .take_while(move |_tick| listens.strong_count() > 0)
        .map(move |_tick| {
            let applied = Some(position_to_wire(own.borrow().position));
            HeartbeatRequest {
                node: node.clone(),
                fingerprint: fingerprint.clone(),
                applied,
            }
        });
    let mut answers = client.heartbeat(requests).await?.into_inner();
    while let Some(answer) = tokio::time::timeout(PATIENCE, answers.message()).await?? {
        let committed = position_from_wire(answer.committed.as_ref())?;
        view.send_modify(|view| {
            view.epoch = Epoch(answer.epoch);
            view.tail = Seq(answer.tail_seq);
            view.report(
                committed,
                progress.borrow().position.seq,
                watcher.clock.now(),
            );
        });
    }
    drop(alive);
    Err("the primary closed the stream".into())
}

/// The stream broke: evidence of death. Where the election can prove it, the campaign need not wait for the
/// lease.
async fn depose(election: &dyn ElectionBackend, epoch: Epoch) {
    match election.depose(epoch).await {
        Ok(()) => {
            metrics::counter!("standfast_deposed_total").increment(1);
            tracing::info!(%epoch, "the primary's process is dead; deposed");
        }
        Err(error) => tracing::debug!(%error, %epoch, "not deposed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seq: u64) -> Position {
        Position {
            seq: Seq(seq),
            ..Position::default()
        }
    }

    #[test]
    fn a_standby_is_behind_since_the_first_heartbeat_that_named_what_it_lacks() {
        let clock = Clock::manual();
        let mut view = PrimaryView::default();
        view.report(at(5), Seq(5), clock.now());
        assert_eq!(view.behind_since(Seq(5)), None);
        // An hour of nothing, and then two entries.
        clock.advance(Duration::from_hours(1));
        let first = clock.now();
        view.report(at(6), Seq(5), first);
        clock.advance(BEAT);
        view.report(at(7), Seq(5), clock.now());
        assert_eq!(view.behind_since(Seq(5)), Some(first));
        assert_eq!(view.behind_since(Seq(6)), Some(clock.now()));
        assert_eq!(view.behind_since(Seq(7)), None);
    }

    #[test]
    fn however_far_it_is_behind_only_so_much_is_remembered_and_the_oldest_of_it() {
        let clock = Clock::manual();
        let mut view = PrimaryView::default();
        let first = clock.now();
        for seq in 1..10_000 {
            view.report(at(seq), Seq::ZERO, clock.now());
            clock.advance(BEAT);
        }
        assert_eq!(view.reported.len(), REPORTED);
        assert_eq!(view.behind_since(Seq::ZERO), Some(first));
    }
}
