use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::records::Leader;
use super::seat::Seat;
use super::space::ElectionSpace;
use crate::etcd::watch::{Heard, Watch};
use standfast_core::{ElectionWatch, LeaderRecord, Result};

/// How often the seat is looked at though the watch says nothing: a member that stands still keeps its watches open.
const IDLE: Duration = Duration::from_secs(1);
/// How often a leader beside us on this host is looked at: its process may be dead before its lease is over.
const LOOK_HERE: Duration = Duration::from_millis(2);

/// Waits for the seat to change, for candidates and for those who observe.
#[derive(Debug)]
pub(super) struct SeatWatch {
    space: Arc<ElectionSpace>,
    watch: Option<Watch>,
}

impl SeatWatch {
    pub(super) fn new(space: &Arc<ElectionSpace>) -> Self {
        Self {
            space: Arc::clone(space),
            watch: None,
        }
    }

    /// Waits until `seat` may have changed.
    ///
    /// # Errors
    /// `Unavailable`.
    ///
    /// # Cancel safety
    /// Cancel safe: a change is told by the next look.
    pub(super) async fn changed(&mut self, seat: &Seat, until: Instant) -> Result<()> {
        let watch = match &mut self.watch {
            Some(watch) if watch.is_of(seat.revision) => watch,
            other => {
                let (connection, layout) = (self.space.connection(), self.space.layout());
                let watch =
                    Watch::begin(connection, "observe", layout.leaders(), seat.revision).await?;
                other.insert(watch)
            }
        };
        let leader = seat.leader.as_ref().map(|leader| &leader.is);
        let is_beside = leader.is_some_and(Leader::is_beside);
        let until = until.min(Instant::now() + IDLE);
        loop {
            let look_at = if is_beside {
                until.min(Instant::now() + LOOK_HERE)
            } else {
                until
            };
            match watch.hear(look_at).await {
                Heard::Message(message) if message.events().is_empty() => {}
                Heard::Message(_) => return Ok(()),
                Heard::Broken => {
                    self.watch = None;
                    return Ok(());
                }
                Heard::Nothing if Instant::now() >= until => return Ok(()),
                Heard::Nothing if leader.is_some_and(Leader::is_dead) => return Ok(()),
                Heard::Nothing => {}
            }
        }
    }
}

/// What was said last.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Leader(Option<LeaderRecord>),
}

/// Follows who leads.
#[derive(Debug)]
pub(super) struct EtcdElectionWatch {
    space: Arc<ElectionSpace>,
    watch: SeatWatch,
    seat: Option<Seat>,
    told: Told,
}

impl EtcdElectionWatch {
    pub(super) fn new(space: &Arc<ElectionSpace>) -> Self {
        Self {
            space: Arc::clone(space),
            watch: SeatWatch::new(space),
            seat: None,
            told: Told::Nothing,
        }
    }
}

#[async_trait]
impl ElectionWatch for EtcdElectionWatch {
    async fn next(&mut self) -> Result<Option<LeaderRecord>> {
        loop {
            if let Some(seat) = &self.seat {
                self.watch.changed(seat, Instant::now() + IDLE).await?;
            }
            let seat = self.space.look("observe").await?;
            let current = seat.current();
            self.seat = Some(seat);
            let told = Told::Leader(current.clone());
            if self.told != told {
                self.told = told;
                return Ok(current);
            }
        }
    }
}
