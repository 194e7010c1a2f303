use std::sync::Arc;

use standfast_core::{Epoch, Result};
use tokio::task::JoinSet;

use super::find_nodes::FindNodes;
use super::inner::Inner;
use super::options::ClientOptions;
use super::route::Route;
use crate::names::ClientId;

/// A client of the metadata master.
///
/// It finds the primary among the endpoints it is given and those it hears of, follows it through failovers, and
/// asks again under the same request id until it has an answer or the deadline has passed. A task of its own
/// pings the master and mounts again what was forgotten. Cheap to clone; all clones are one client.
///
/// Every call is an error when the request as a whole came to nothing: `Unknown` when nobody answered in time and
/// the outcome is in doubt, `RequestTooOld`, `Invalid`. What became of each item is in the answer.
#[derive(Clone, Debug)]
pub struct MetadataClient {
    pub(super) inner: Arc<Inner>,
    /// The task that pings; it ends with the last clone.
    _pings: Arc<JoinSet<()>>,
}

/// The answer to a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// The term that answered: the view.
    pub epoch: Epoch,
    /// The master did not know the client or a segment of it; everything was mounted again.
    pub remounted: bool,
}

impl MetadataClient {
    /// Connects to the cluster that these endpoints (`host:port`) belong to, and waits until a primary is known.
    ///
    /// # Errors
    /// `Config` for a wrong endpoint, `Unavailable` when no node can be connected to within `reach_within`, `Unknown`
    /// when nobody leads until the deadline.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is left behind.
    pub async fn connect(endpoints: &[String], options: ClientOptions) -> Result<Self> {
        let route = Route::new(endpoints, options.largest_response)?;
        Self::begin(route, options).await
    }

    /// Connects to the cluster whose nodes `finder` finds, and waits until a primary is known. It is asked again whenever
    /// none of the nodes known so far leads: they may all have been replaced.
    ///
    /// # Errors
    /// As [`Self::connect`], and what the finder met when it was first asked.
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is left behind.
    pub async fn discover(finder: Arc<dyn FindNodes>, options: ClientOptions) -> Result<Self> {
        let route = Route::find(finder, options.largest_response).await?;
        Self::begin(route, options).await
    }

    async fn begin(route: Route, options: ClientOptions) -> Result<Self> {
        let inner = Arc::new(Inner::new(options, route));
        // Neither is awaited again.
        tokio::select! {
            pong = inner.ping() => pong?,
            error = inner.route.out_of_reach(inner.options.reach_within) => return Err(error),
        };
        let mut pings = JoinSet::new();
        let pinging = Arc::clone(&inner);
        pings.spawn(async move { pinging.keep_alive().await });
        Ok(Self {
            inner,
            _pings: Arc::new(pings),
        })
    }

    /// Who it is.
    pub fn id(&self) -> ClientId {
        self.inner.options.client
    }

    /// host:port of the node that it takes for the primary.
    pub fn primary(&self) -> Option<String> {
        self.inner.route.primary_address()
    }

    /// Gives a sign of life now. A task does so all the time.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn ping(&self) -> Result<Pong> {
        self.inner.ping().await
    }
}
