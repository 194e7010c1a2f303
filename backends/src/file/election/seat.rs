use std::fs;
use std::io;
use std::sync::Arc;

use super::dir::ElectionDir;
use super::grant::{Grant, Resignation};
use crate::file::error::io_error;
use standfast_core::{BootInstant, Clock, Epoch, LeaderRecord, NodeId, Result};

/// Who leads, as one process can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    /// Nobody does: never, resigned, proved dead, or silent for the ttl.
    Free {
        /// The highest epoch granted so far.
        epoch: Epoch,
        /// The counter of its heartbeat, if it may still be alive.
        silent_at: Option<u64>,
        /// Whom the last leader wished to follow it.
        successor: Option<NodeId>,
    },
    /// Somebody does.
    Held(Box<LeaderRecord>),
}

/// Watches the seat. How long a leader has been silent is measured here, on our own clock, from when we first saw the
/// counter it still shows: no clock of another process is ever read.
#[derive(Debug)]
pub(super) struct Observer {
    dir: Arc<ElectionDir>,
    clock: Clock,
    watched: Option<Watched>,
}

#[derive(Debug)]
struct Watched {
    grant: Grant,
    counter: u64,
    since: BootInstant,
}

impl Observer {
    pub(super) fn new(dir: Arc<ElectionDir>, clock: Clock) -> Self {
        Self {
            dir,
            clock,
            watched: None,
        }
    }

    /// Looks once.
    pub(super) fn look(&mut self) -> Result<Seat> {
        let epoch = self.dir.epoch()?;
        if epoch == Epoch::ZERO {
            return Ok(free(epoch, None, None));
        }
        if let Some(resignation) = Resignation::read(&self.dir.of_term("resigned", epoch))? {
            return Ok(free(epoch, None, resignation.successor));
        }
        let counter = heartbeat(&self.dir, epoch)?;
        let now = self.clock.now();
        let watched = match self.watched.take() {
            Some(watched) if watched.grant.epoch == epoch && watched.counter == counter => watched,
            Some(watched) if watched.grant.epoch == epoch => Watched {
                counter,
                since: now,
                ..watched
            },
            _ => Watched {
                grant: self.dir.grant(epoch)?,
                counter,
                since: now,
            },
        };
        let watched = self.watched.insert(watched);
        let path = self.dir.grant_path(epoch);
        if self.dir.is_freed(&path, &watched.grant.boot)? {
            return Ok(free(epoch, None, None));
        }
        if now.since(watched.since) >= watched.grant.ttl() {
            return Ok(free(epoch, Some(counter), None));
        }
        Ok(Seat::Held(Box::new(LeaderRecord {
            candidate: watched.grant.candidate.clone(),
            epoch,
            serving: self.dir.of_term("serving", epoch).exists(),
        })))
    }
}

fn free(epoch: Epoch, silent_at: Option<u64>, successor: Option<NodeId>) -> Seat {
    Seat::Free {
        epoch,
        silent_at,
        successor,
    }
}

/// The counter that the holder of `epoch` keeps moving.
pub(super) fn heartbeat(dir: &ElectionDir, epoch: Epoch) -> Result<u64> {
    let path = dir.of_term("heartbeat", epoch);
    match fs::read(&path) {
        Ok(bytes) => Ok(bytes.first_chunk().map_or(0, |n| u64::from_le_bytes(*n))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(source) => Err(io_error("read heartbeat", &path, source)),
    }
}
