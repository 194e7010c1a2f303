//! A cluster whose nodes have logs of their own: the primary sends its log to the standbys.
//!
//! A log and an election around those that are configured. Everything else of a node is as with a shared log: it follows a
//! tail, stands for election, opens a writer.

mod log;
mod seat;
mod seated;

use std::sync::Arc;

use standfast_core::{Clock, ElectionBackend, Fingerprint};
use standfast_master::Outlet;
use standfast_standby::Stream;

use self::log::StreamedLog;
use self::seat::{MayLead, Seat};
use self::seated::SeatedElection;
use super::open::Stores;
use crate::config::Config;

/// The stores of a node, and what sends its log to others, in mode `stream`; the same stores in mode `log`.
///
/// # Cancel safety
/// Cancel safe: changes nothing but that a log that has no id is given one.
pub(crate) async fn streamed(
    config: &Config,
    stores: Stores,
    cluster: Fingerprint,
    clock: &Clock,
) -> (Stores, Option<Outlet>) {
    let Some(founder) = config.streams_from() else {
        return (stores, None);
    };
    let node = &config.node.id;
    let Stores {
        oplog: log,
        snapshots,
        election,
    } = stores;
    let outlet = Outlet::new(Arc::clone(&log), config.in_sync_rule(), clock.clone());
    let seat = Seat {
        node: node.clone(),
        founder: founder.clone(),
        log: Arc::clone(&log),
    };
    let stream = Stream {
        cluster,
        node: node.clone(),
        log,
        election: Arc::clone(&election),
    };
    tell(&seat, &*election).await;
    let stores = Stores {
        oplog: Arc::new(StreamedLog::new(stream, outlet.clone())),
        snapshots,
        election: Arc::new(SeatedElection::new(election, seat, outlet.clone())),
    };
    (stores, Some(outlet))
}

/// Says at the start whether this node may lead: one whose log is empty stands for no election that would say so.
async fn tell(seat: &Seat, election: &dyn ElectionBackend) {
    let look = async {
        let record = election.term_record().await?;
        seat.may_lead(record.as_ref()).await
    };
    match look.await {
        Ok(MayLead::Yes(..)) => tracing::info!("this node's log is complete: it may lead"),
        Ok(MayLead::No(why)) => tracing::info!(%why, "this node may not lead"),
        Err(error) => tracing::warn!(%error, "whether this node may lead is not known"),
    }
}
