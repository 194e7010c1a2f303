use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use standfast_core::{Error, ErrorKind, Result};
use standfast_metadata::{ClientOptions, MetadataClient, SegmentId, SegmentInfo};
use tokio::sync::watch;

use super::crew::Crew;
use super::player::Player;
use super::schedule::Schedule;
use super::{Meter, REACH, Record, ReplayOptions, Report, TraceRequest};

/// Keep-alive of what is mounted is the clients' own; between two signs of life passes at most this.
const PING_EVERY: Duration = Duration::from_secs(1);

/// A load that is to be run.
#[derive(Debug)]
pub struct Load {
    /// What is played.
    pub trace: Arc<[TraceRequest]>,
    /// How.
    pub options: ReplayOptions,
    /// Where acknowledgements are kept.
    pub record: Arc<Record>,
    /// What counts; may be read meanwhile.
    pub meter: Arc<Meter>,
    /// Becomes true when the load is to end early.
    pub stop: watch::Receiver<bool>,
}

/// A load that was run. Its clients live, and what they lend stays mounted, until this is dropped: a master drops the
/// objects of clients that are gone, so the record must be checked before.
#[derive(Debug)]
pub struct Played {
    /// What it came to; nothing was looked for yet.
    pub report: Report,
    _clients: Vec<MetadataClient>,
}

/// Runs a load: connects, mounts, plays the trace to its end or until it is told to stop.
///
/// # Errors
/// `Config` for options that cannot work, `Unavailable` when no node can be connected to, `Unknown` when nobody leads, `Cancelled` when it is stopped before it began,
/// and whatever is wrong with the record. What goes wrong with single requests is counted instead.
///
/// # Cancel safety
/// What was acknowledged by then is in the record; the segments stay mounted until the master forgets the clients.
pub async fn run(load: Load) -> Result<Played> {
    let options = load.options.checked()?;
    let mut stop = load.stop.clone();
    // Both are cancel safe: a client that is dropped leaves nothing behind but what expires.
    let clients = tokio::select! {
        clients = connect(&options) => clients?,
        _ = stop.wait_for(|stop| *stop) => {
            return Err(Error::new(ErrorKind::Cancelled, "replay").context("stopped before it began"));
        }
    };
    let players = clients.iter().map(|client| Player {
        store: client.clone(),
        meter: Arc::clone(&load.meter),
        record: Arc::clone(&load.record),
        batch: options.batch,
        block_size: options.block_size.0,
    });
    let schedule = Schedule::new(load.trace, options.passes, options.speed);
    load.meter.start();
    let ended = Crew::start(players, schedule, &load.stop).ended(stop).await;
    load.meter.stop();
    load.record.sync()?;
    ended?;
    Ok(Played {
        report: load.meter.report(),
        _clients: clients,
    })
}

/// Connects every client, and lets each mount its share of the segments.
async fn connect(options: &ReplayOptions) -> Result<Vec<MetadataClient>> {
    let connecting = (0..options.clients).map(|_| {
        let mut patience = ClientOptions::default();
        patience.ping_every = PING_EVERY;
        patience.reach_within = REACH;
        MetadataClient::connect(&options.endpoints, patience)
    });
    let clients = try_join_all(connecting).await?;
    // A segment that is mounted under the name of another one takes its place: two loads must not take each other's.
    let load = SegmentId::random().to_string();
    let mounting = clients
        .iter()
        .cycle()
        .take(options.segments)
        .enumerate()
        .map(|(number, client)| {
            mount(
                client,
                format!("replay-{load}-{number}"),
                options.segment_size.0,
            )
        });
    try_join_all(mounting).await?;
    Ok(clients)
}

async fn mount(client: &MetadataClient, name: String, size: u64) -> Result<()> {
    let segment = SegmentInfo {
        id: SegmentId::random(),
        incarnation: 1,
        name: name.clone(),
        // Nobody will connect: only the places are kept.
        endpoint: "replay.invalid:1".to_owned(),
        base: 1 << 32,
        size,
        protocol: "none".to_owned(),
    };
    client.mount_segment(&segment).await?.map_err(|refusal| {
        let text = format!("segment {name} of {size} bytes: {}", refusal.message);
        Error::new(ErrorKind::Invalid, "mount segment").context(text)
    })
}
