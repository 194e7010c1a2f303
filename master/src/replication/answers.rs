use std::pin::Pin;
use std::task::{Context, Poll};

use standfast_wire::v1::{SyncOpLogRequest, SyncOpLogResponse};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::feed::feed;
use super::outlet::Outlet;

/// The primary's side of one standby's stream. The task that feeds it ends with it.
#[derive(Debug)]
pub struct Answers {
    sent: ReceiverStream<Result<SyncOpLogResponse, Status>>,
    _feed: JoinSet<()>,
}

impl Answers {
    /// Begins to feed a standby.
    pub(crate) fn new(
        outlet: Outlet,
        fingerprint: [u8; 16],
        asks: Streaming<SyncOpLogRequest>,
    ) -> Self {
        // One message waits while another is on its way; the log is the buffer.
        let (answers, sent) = mpsc::channel(1);
        let mut task = JoinSet::new();
        task.spawn(feed(outlet, fingerprint, asks, answers));
        Self {
            sent: ReceiverStream::new(sent),
            _feed: task,
        }
    }
}

impl Stream for Answers {
    type Item = Result<SyncOpLogResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.sent).poll_next(cx)
    }
}
