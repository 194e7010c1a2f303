use etcd_client::{ResponseHeader, WatchOptions, WatchResponse, WatchStream};
use tokio::time::{Instant, timeout_at};

use super::connection::Connection;
use super::layout::KeyRange;
use standfast_core::Result;

/// A watch on a range of keys, begun behind a look. It proves nothing, and is silent when its member stands still: whoever
/// holds one looks again from time to time.
pub(super) struct Watch {
    stream: WatchStream,
    /// The newest that any answer was of.
    revision: i64,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watch(at {})", self.revision)
    }
}

/// What came of listening.
pub(super) enum Heard {
    Message(WatchResponse),
    /// Nothing until it was time to look.
    Nothing,
    /// The watch is over: look, and begin another.
    Broken,
}

impl Watch {
    /// Hears of everything after `revision`.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) async fn begin(
        connection: &Connection,
        operation: &'static str,
        (from, to): KeyRange,
        revision: i64,
    ) -> Result<Self> {
        let options = WatchOptions::new()
            .with_range(to)
            .with_start_revision(revision + 1)
            .with_fragment();
        let begun = connection.call(operation, |mut clients| {
            let (from, options) = (from.as_str(), options.clone());
            async move { clients.watch.watch(from, Some(options)).await }
        });
        Ok(Self {
            stream: begun.await?,
            revision,
        })
    }

    /// Whether a look at `revision` is not behind what was heard. Revisions that fall are those of another history: an older
    /// state was put back.
    pub(super) const fn is_of(&self, revision: i64) -> bool {
        self.revision <= revision
    }

    /// # Cancel safety
    /// Cancel safe: what was not heard comes with the next call.
    pub(super) async fn hear(&mut self, until: Instant) -> Heard {
        let message = match timeout_at(until, self.stream.message()).await {
            Err(_elapsed) => return Heard::Nothing,
            Ok(Ok(Some(message))) => message,
            Ok(_) => return Heard::Broken,
        };
        let revision = message.header().map_or(0, ResponseHeader::revision);
        if message.canceled() || !self.is_of(revision) {
            return Heard::Broken;
        }
        self.revision = revision;
        Heard::Message(message)
    }
}
