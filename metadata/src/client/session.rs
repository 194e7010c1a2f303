use std::collections::BTreeSet;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::names::ClientId;
use crate::v1;

/// The master remembers the answers of 256 requests; we stay well below, so that none we may have to ask again
/// is forgotten.
const SPREAD: u64 = 200;

/// Numbers the requests of a client, and knows which have no answer yet.
#[derive(Debug)]
pub(super) struct Session {
    client: Bytes,
    open: Mutex<Open>,
    closed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    requests: BTreeSet<u64>,
}

/// A request without an answer yet. It keeps its number however often it is asked.
#[derive(Debug)]
pub(super) struct Ticket<'a> {
    session: &'a Session,
    number: u64,
    answered: u64,
}

impl Session {
    pub(super) fn new(client: ClientId) -> Self {
        Self {
            client: Bytes::copy_from_slice(&client.to_bytes()),
            open: Mutex::default(),
            closed: Notify::new(),
        }
    }

    pub(super) fn client(&self) -> Bytes {
        self.client.clone()
    }

    /// Opens the next request, once the oldest open one is near enough.
    ///
    /// Cancel safe: a number is taken in the very poll that returns it.
    pub(super) async fn begin(&self) -> Ticket<'_> {
        loop {
            let mut closed = std::pin::pin!(self.closed.notified());
            closed.as_mut().enable();
            if let Some(ticket) = self.try_begin() {
                return ticket;
            }
            closed.await;
        }
    }

    fn try_begin(&self) -> Option<Ticket<'_>> {
        let mut open = self.open.lock();
        let number = open.last + 1;
        let oldest = open.requests.first().copied().unwrap_or(number);
        if number - oldest >= SPREAD {
            return None;
        }
        open.last = number;
        open.requests.insert(number);
        Some(Ticket {
            session: self,
            number,
            answered: oldest - 1,
        })
    }
}

impl Ticket<'_> {
    pub(super) fn header(&self) -> v1::RequestHeader {
        v1::RequestHeader {
            client: self.session.client(),
            request: self.number,
            answered: self.answered,
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.session.open.lock().requests.remove(&self.number);
        self.session.closed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn begin(session: &Session) -> Ticket<'_> {
        session.begin().now_or_never().expect("not too far ahead")
    }

    #[test]
    fn a_request_says_which_answers_the_client_has() {
        let session = Session::new(ClientId(1));
        let first = begin(&session);
        let second = begin(&session);
        assert_eq!(second.header().request, 2);
        assert_eq!(second.header().answered, 0);
        drop(first);
        let third = begin(&session);
        assert_eq!(third.header().answered, 1);
        assert_eq!(second.header().answered, 0, "a header never changes");
        drop(second);
        drop(third);
        assert_eq!(begin(&session).header().answered, 3);
    }

    #[test]
    fn no_request_runs_so_far_ahead_that_the_oldest_is_forgotten() {
        let session = Session::new(ClientId(1));
        let oldest = begin(&session);
        for _ in 1..SPREAD {
            drop(begin(&session));
        }
        let mut next = Box::pin(session.begin());
        assert!(next.as_mut().now_or_never().is_none());
        drop(oldest);
        assert!(next.now_or_never().is_some());
    }
}
