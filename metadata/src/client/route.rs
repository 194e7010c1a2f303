use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use standfast_core::{Error, ErrorKind, Result};
use tonic::transport::{Channel, Endpoint};

use super::find_nodes::FindNodes;
use super::reach::Reach;
use crate::v1;
use crate::v1::master_service_client::MasterServiceClient;

pub(super) type Stub = MasterServiceClient<Channel>;

/// How long a node may take to say who leads.
const PROBE: Duration = Duration::from_millis(500);
/// How long a connection may take: less, so that what is wrong with it is heard.
const CONNECT: Duration = Duration::from_millis(400);
/// Between two questions to a node, at first.
const PAUSE: Duration = Duration::from_millis(2);
/// And at most.
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
/// How long those that are known are asked before it is looked up who else there is.
const FIND_AFTER: Duration = Duration::from_millis(500);
/// And how long that may take.
const FIND: Duration = Duration::from_secs(5);

/// Knows the nodes, and which of them leads as far as we have heard.
#[derive(Debug)]
pub(super) struct Route {
    nodes: Mutex<Nodes>,
    /// One search at a time, however many calls wait for it.
    search: tokio::sync::Mutex<()>,
    /// Who knows the nodes that we do not.
    finder: Option<Arc<dyn FindNodes>>,
    reach: Mutex<Reach>,
    largest_response: usize,
}

#[derive(Debug)]
struct Nodes {
    stubs: BTreeMap<String, Stub>,
    primary: Option<String>,
}

impl Route {
    pub(super) fn new(endpoints: &[String], largest_response: usize) -> Result<Self> {
        if endpoints.is_empty() {
            return Err(Error::new(ErrorKind::Config, "connect").context("no endpoint given"));
        }
        let route = Self::empty(largest_response, None);
        for endpoint in endpoints {
            route.learn(endpoint)?;
        }
        Ok(route)
    }

    /// One that knows nobody yet but `finder`.
    pub(super) async fn find(finder: Arc<dyn FindNodes>, largest_response: usize) -> Result<Self> {
        let route = Self::empty(largest_response, Some(Arc::clone(&finder)));
        route.know_only(&finder.find().await?);
        Ok(route)
    }

    fn empty(largest_response: usize, finder: Option<Arc<dyn FindNodes>>) -> Self {
        Self {
            nodes: Mutex::new(Nodes {
                stubs: BTreeMap::new(),
                primary: None,
            }),
            search: tokio::sync::Mutex::new(()),
            finder,
            reach: Mutex::default(),
            largest_response,
        }
    }

    /// Takes note of a node; its connection is made when it is first asked.
    fn learn(&self, endpoint: &str) -> Result<String> {
        let address = endpoint.trim_start_matches("http://").trim_end_matches('/');
        let mut nodes = self.nodes.lock();
        if !nodes.stubs.contains_key(address) {
            let channel = Endpoint::from_shared(format!("http://{address}"))
                .map_err(|source| {
                    Error::new(ErrorKind::Config, "connect")
                        .context(format!("`{endpoint}` is not an endpoint: want host:port"))
                        .source(source)
                })?
                .connect_timeout(CONNECT)
                .tcp_nodelay(true)
                .initial_connection_window_size(8 << 20)
                .initial_stream_window_size(4 << 20)
                .connect_lazy();
            let stub = Stub::new(channel)
                .max_decoding_message_size(self.largest_response)
                .max_encoding_message_size(usize::MAX);
            nodes.stubs.insert(address.to_owned(), stub);
        }
        Ok(address.to_owned())
    }

    fn known(&self) -> Option<(String, Stub)> {
        let nodes = self.nodes.lock();
        let address = nodes.primary.as_ref()?;
        Some((address.clone(), nodes.stubs.get(address)?.clone()))
    }

    /// The address of the primary, if one is known.
    pub(super) fn primary_address(&self) -> Option<String> {
        self.nodes.lock().primary.clone()
    }

    /// The primary: the one we know, or else all nodes are asked, over and over, until one says that it leads.
    ///
    /// Cancel safe: changes nothing but what is known of nodes.
    pub(super) async fn primary(&self) -> (String, Stub) {
        if let Some(known) = self.known() {
            return known;
        }
        let _one_at_a_time = self.search.lock().await;
        loop {
            if let Some(known) = self.known() {
                return known;
            }
            if let Some(found) = self.search_and_find().await {
                self.nodes.lock().primary = Some(found);
            }
        }
    }

    /// The primary, or nobody after a while; whoever else is there is known by then.
    async fn search_and_find(&self) -> Option<String> {
        let Some(finder) = &self.finder else {
            return Some(self.search_once().await);
        };
        if let Ok(found) = tokio::time::timeout(FIND_AFTER, self.search_once()).await {
            return Some(found);
        }
        // Nobody of those we know leads: they may all be gone. They are asked on meanwhile.
        let finding = tokio::time::timeout(FIND, finder.find());
        tokio::select! {
            found = self.search_once() => return Some(found),
            found = finding => match found {
                Ok(Ok(endpoints)) => self.know_only(&endpoints),
                Ok(Err(error)) => tracing::debug!(%error, "no other nodes are found"),
                Err(_elapsed) => tracing::debug!("it takes long to find other nodes"),
            }
        }
        None
    }

    /// Those that are registered now. Whoever has gone is forgotten: its address may be another cluster's by now.
    fn know_only(&self, endpoints: &[String]) {
        let mut known = BTreeSet::new();
        for endpoint in endpoints {
            match self.learn(endpoint) {
                Ok(address) => known.extend([address]),
                Err(error) => tracing::warn!(%error, "a node cannot be asked"),
            }
        }
        let mut nodes = self.nodes.lock();
        nodes.stubs.retain(|address, _stub| known.contains(address));
    }

    /// Each node is asked in a loop of its own, so that one that does not answer holds nobody up.
    async fn search_once(&self) -> String {
        let stubs = self.nodes.lock().stubs.clone();
        let mut asking: FuturesUnordered<_> = stubs
            .into_iter()
            .map(|(address, stub)| self.until_it_leads(address, stub))
            .collect();
        asking.next().await.unwrap_or_default()
    }

    async fn until_it_leads(&self, address: String, mut stub: Stub) -> String {
        let mut pause = PAUSE;
        loop {
            let asked = tokio::time::timeout(PROBE, stub.get_primary(v1::GetPrimaryRequest {}));
            match asked.await {
                Ok(Ok(answer)) => {
                    let answer = answer.into_inner();
                    self.reach.lock().answered(&address, &answer);
                    if answer.leads {
                        return address;
                    }
                    if let Some(elsewhere) = self.ask_there(&answer.primary).await {
                        return elsewhere;
                    }
                }
                Ok(Err(status)) => self.reach.lock().failed(&address, &status),
                Err(_elapsed) => self.reach.lock().silent(&address),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Ready once so much time has passed, if no node could be connected to; otherwise never.
    ///
    /// Cancel safe: only looks.
    pub(super) async fn out_of_reach(&self, within: Duration) -> Error {
        tokio::time::sleep(within).await;
        if !self.reach.lock().is_nowhere() {
            return std::future::pending().await;
        }
        Error::new(ErrorKind::Unavailable, "connect").context(self.reach.lock().told())
    }

    /// What the search has met so far.
    pub(super) fn told(&self) -> String {
        format!("no node says that it leads: {}", self.reach.lock().told())
    }

    /// Follows what a node says of another that we have not known so far.
    async fn ask_there(&self, hint: &str) -> Option<String> {
        if hint.is_empty() || self.nodes.lock().stubs.contains_key(hint) {
            return None;
        }
        let address = self.learn(hint).ok()?;
        let mut stub = self.nodes.lock().stubs.get(&address)?.clone();
        let asked = tokio::time::timeout(PROBE, stub.get_primary(v1::GetPrimaryRequest {}));
        let answer = asked.await.ok()?.ok()?.into_inner();
        answer.leads.then_some(address)
    }

    /// `address` did not answer as a primary does; `hint` is where it sends us.
    pub(super) fn lost(&self, address: &str, hint: Option<&str>) {
        let hint = hint.and_then(|hint| self.learn(hint).ok());
        let mut nodes = self.nodes.lock();
        if nodes.primary.as_deref() == Some(address) {
            nodes.primary = hint.filter(|hint| hint != address);
        }
    }
}
