//! A client that finds the primary, and asks again until it knows.

use std::time::Duration;

use standfast::tonic::transport::{Channel, Endpoint};
use standfast::tonic::{Code, Status};
use tokio::time::{Instant, sleep};

use super::Failure;
use super::v1::change_request::Change;
use super::v1::look_response::Found;
use super::v1::namespace_service_client::NamespaceServiceClient;
use super::v1::{ChangeRequest, LookRequest};

/// How long a call may take, takeovers included.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause before another node is asked.
const PAUSE: Duration = Duration::from_millis(5);

/// Asks for one thing after the other.
pub(crate) struct Client {
    nodes: Vec<(String, NamespaceServiceClient<Channel>)>,
    /// Which of them answered last.
    at: usize,
    session: [u8; 16],
    number: u64,
}

impl Client {
    /// A client of the nodes that answer at `endpoints`, `host:port`.
    pub(crate) fn new(endpoints: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let connect = |endpoint: String| {
            let channel = Endpoint::new(format!("http://{endpoint}"))?.connect_lazy();
            Ok::<_, Failure>((endpoint, NamespaceServiceClient::new(channel)))
        };
        Ok(Self {
            nodes: endpoints
                .into_iter()
                .map(connect)
                .collect::<Result<_, _>>()?,
            at: 0,
            session: rand::random(),
            number: 0,
        })
    }

    /// Where the node answers that answered last.
    pub(crate) fn endpoint(&self) -> &str {
        self.nodes.get(self.at).map_or("", |(endpoint, _)| endpoint)
    }

    /// Makes a change, once, however often it has to be asked for.
    pub(crate) async fn change(&mut self, change: Change) -> Result<(), Failure> {
        self.number += 1;
        let request = ChangeRequest {
            session: self.session.to_vec(),
            number: self.number,
            change: Some(change),
        };
        let ask = |mut node: NamespaceServiceClient<Channel>| {
            let request = request.clone();
            async move { node.change(request).await.map(|_| ()) }
        };
        answered(&self.nodes, &mut self.at, ask).await
    }

    /// What is at a path.
    pub(crate) async fn look(&mut self, path: &str) -> Result<Found, Failure> {
        let ask = |mut node: NamespaceServiceClient<Channel>| {
            let path = path.to_owned();
            async move { node.look(LookRequest { path }).await }
        };
        let response = answered(&self.nodes, &mut self.at, ask).await?;
        Ok(response
            .into_inner()
            .found
            .ok_or("an answer without content")?)
    }
}

/// Asks one node after the other until one answers.
async fn answered<T, F: Future<Output = Result<T, Status>>>(
    nodes: &[(String, NamespaceServiceClient<Channel>)],
    at: &mut usize,
    ask: impl Fn(NamespaceServiceClient<Channel>) -> F,
) -> Result<T, Failure> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let (_, node) = nodes.get(*at).ok_or("a client of no node")?;
        match ask(node.clone()).await {
            Ok(answer) => return Ok(answer),
            Err(status) if is_definite(&status) || Instant::now() >= give_up => {
                return Err(status.into());
            }
            Err(_in_doubt) => {
                *at = (*at + 1) % nodes.len();
                sleep(PAUSE).await;
            }
        }
    }
}

/// The service says no. Anything else may be a node that died in the middle of it.
fn is_definite(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::FailedPrecondition | Code::InvalidArgument
    )
}
