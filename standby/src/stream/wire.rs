use std::time::Duration;

use standfast_core::{Error, ErrorKind, Position, Result};
use standfast_wire::position_to_wire;
use standfast_wire::v1::replication_service_client::ReplicationServiceClient;
use standfast_wire::v1::sync_op_log_request::Body as Ask;
use standfast_wire::v1::sync_op_log_response::Body as Answer;
use standfast_wire::v1::{SyncHello, SyncOpLogRequest, SyncOpLogResponse, SyncPlace};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;
use tonic::{Code, Status, Streaming};

/// How long connecting may take, and how long a primary may be silent: it says something ten times a second.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long it may take to read all of its log.
const SEARCH: Duration = Duration::from_mins(10);
/// The largest message that is taken: a batch is never larger.
const MAX_MESSAGE: usize = 256 << 20;

/// Both directions of a stream.
pub(super) struct Wire {
    asks: mpsc::Sender<SyncOpLogRequest>,
    answers: Streaming<SyncOpLogResponse>,
    /// Came while it was asked whether there is more.
    ahead: Option<SyncOpLogResponse>,
}

impl Wire {
    /// Connects to a primary and says hello.
    ///
    /// # Errors
    /// `Unavailable`; `Foreign` when it is of another cluster.
    ///
    /// # Cancel safety
    /// Cancel safe: the stream ends.
    pub(super) async fn connect(endpoint: &str, hello: SyncHello) -> Result<Self> {
        let failed = |source: tonic::transport::Error| {
            unavailable().context(endpoint.to_owned()).source(source)
        };
        let channel = Endpoint::from_shared(format!("http://{endpoint}"))
            .map_err(failed)?
            .connect_timeout(PATIENCE)
            .tcp_nodelay(true)
            .connect()
            .await
            .map_err(failed)?;
        let mut client =
            ReplicationServiceClient::new(channel).max_decoding_message_size(MAX_MESSAGE);
        let (asks, asked) = mpsc::channel(16);
        let answers = async {
            send(&asks, Ask::Hello(hello)).await?;
            let answers = client.sync_op_log(ReceiverStream::new(asked)).await;
            Ok(answers.map_err(refused)?.into_inner())
        };
        let answers = within(PATIENCE, answers).await?;
        Ok(Self {
            asks,
            answers,
            ahead: None,
        })
    }

    pub(super) async fn send(&self, ask: Ask) -> Result<()> {
        send(&self.asks, ask).await
    }

    /// Says where this node's log ends, and its epochs, if that was asked for.
    pub(super) async fn ask_place(&self, tail: Position, ends: &[Position]) -> Result<()> {
        let ends = ends.iter().copied().map(position_to_wire).collect();
        let tail = Some(position_to_wire(tail));
        self.send(Ask::Place(SyncPlace { tail, ends })).await
    }

    /// The next answer.
    ///
    /// # Errors
    /// `Unavailable` when the stream has ended, or was silent for a second.
    ///
    /// # Cancel safety
    /// Cancel safe: it is given by the next call instead.
    pub(super) async fn next(&mut self) -> Result<Answer> {
        self.next_within(PATIENCE).await
    }

    /// The next answer, for which the primary reads all of its log. As [`Self::next`].
    pub(super) async fn next_after_a_search(&mut self) -> Result<Answer> {
        self.next_within(SEARCH).await
    }

    async fn next_within(&mut self, patience: Duration) -> Result<Answer> {
        let answer = if self.ahead.is_some() {
            self.ahead.take()
        } else {
            let answers = &mut self.answers;
            within(patience, async { answers.message().await.map_err(refused) }).await?
        };
        answer.and_then(|answer| answer.body).ok_or_else(ended)
    }

    /// Whether another answer is here already.
    pub(super) async fn has_more(&mut self) -> Result<bool> {
        if self.ahead.is_none() {
            // Looked at once. Cancel safe: what is not here yet comes with the next call.
            self.ahead = tokio::select! {
                biased;
                answer = self.answers.message() => Some(answer.map_err(refused)?.ok_or_else(ended)?),
                () = std::future::ready(()) => None,
            };
        }
        Ok(self.ahead.is_some())
    }
}

/// The primary said something else.
pub(super) fn unexpected(wanted: &str) -> Error {
    Error::new(ErrorKind::Invalid, "follow the primary").context(format!(
        "wanted {wanted}, and the primary said something else"
    ))
}

async fn send(asks: &mpsc::Sender<SyncOpLogRequest>, body: Ask) -> Result<()> {
    let ask = SyncOpLogRequest { body: Some(body) };
    let gone = |_gone| unavailable().context("the stream is gone");
    asks.send(ask).await.map_err(gone)
}

async fn within<T>(patience: Duration, answer: impl Future<Output = Result<T>>) -> Result<T> {
    let silent = |source| {
        unavailable()
            .context("the primary is silent")
            .source(source)
    };
    tokio::time::timeout(patience, answer)
        .await
        .map_err(silent)?
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "follow the primary")
}

fn ended() -> Error {
    unavailable().context("the primary ended the stream")
}

fn refused(status: Status) -> Error {
    let kind = match status.code() {
        Code::PermissionDenied => ErrorKind::Foreign,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, "follow the primary").source(status)
}
