use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;

use super::connection::Connection;
use super::ends::{Around, Ends, parse};
use super::layout::Layout;
use super::stored::StoredBatch;
use standfast_core::{Bounds, Position, Result, Seq};

/// How many batches the first page asks for, and what a page aims at: bytes, at least and at most so many batches.
const FIRST_PAGE: i64 = 8;
const PAGE_BYTES: usize = 4 << 20;
const LEAST_PAGE: i64 = 1;
const LARGEST_PAGE: i64 = 1000;

/// One log in one etcd, as a handle sees it.
#[derive(Debug)]
pub(super) struct Space {
    connection: Connection,
    layout: Layout,
    /// What the first batch tells, so that it is read once.
    floor: Mutex<Option<Floor>>,
    page: AtomicI64,
}

/// What lies before the first batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Floor {
    first: Seq,
    at: i64,
    pub(super) before: Position,
    pub(super) bytes_before: u64,
}

impl Space {
    pub(super) fn new(connection: Connection, layout: Layout) -> Self {
        Self {
            connection,
            layout,
            floor: Mutex::new(None),
            page: AtomicI64::new(FIRST_PAGE),
        }
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// # Errors
    /// As [`Ends::read`]; `Unavailable`.
    pub(super) async fn ends(&self, operation: &'static str) -> Result<Ends> {
        let question = Ends::question(&self.layout);
        let answer = self.connection.call(operation, |mut clients| {
            let question = question.clone();
            async move { clients.kv.txn(question).await }
        });
        Ends::read(&self.layout, operation, &answer.await?)
    }

    /// # Errors
    /// As [`Ends::read`]; `Unavailable`.
    pub(super) async fn around(
        &self,
        operation: &'static str,
        position: Position,
    ) -> Result<Around> {
        let question = Around::question(&self.layout, position);
        let answer = self.connection.call(operation, |mut clients| {
            let question = question.clone();
            async move { clients.kv.txn(question).await }
        });
        Around::read(&self.layout, operation, &answer.await?)
    }

    /// The ends, and what lies before the first batch.
    pub(super) async fn measured(&self, operation: &'static str) -> Result<(Ends, Floor)> {
        loop {
            let ends = self.ends(operation).await?;
            let Some(first) = ends.first else {
                let floor = Floor {
                    first: ends.floor(),
                    at: 0,
                    before: ends.tail(),
                    bytes_before: ends.bytes(),
                };
                return Ok((ends, floor));
            };
            let known = *self.floor.lock();
            if let Some(floor) =
                known.filter(|floor| (floor.first, floor.at) == (first, ends.first_at))
            {
                return Ok((ends, floor));
            }
            // Trimmed meanwhile, if it is not there.
            if let Some(stored) = self.batch(operation, first).await? {
                let floor = Floor {
                    first,
                    at: ends.first_at,
                    before: stored.before(),
                    bytes_before: stored.bytes_before,
                };
                *self.floor.lock() = Some(floor);
            }
        }
    }

    pub(super) async fn bounds(&self) -> Result<Bounds> {
        let (ends, floor) = self.measured("bounds").await?;
        Ok(Bounds {
            floor: ends.floor(),
            before_floor: floor.before,
            tail: ends.tail(),
            epoch: ends.epoch(),
        })
    }

    /// The batch that begins with `first`, if there is one.
    pub(super) async fn batch(
        &self,
        operation: &'static str,
        first: Seq,
    ) -> Result<Option<StoredBatch>> {
        let key = self.layout.batch(first);
        let answer = self.connection.call(operation, |mut clients| {
            let key = key.clone();
            async move { clients.kv.get(key, None).await }
        });
        let answer = answer.await?;
        let stored = answer
            .kvs()
            .first()
            .map(|kv| parse(&self.layout, kv.key(), kv.value()));
        stored.transpose()
    }

    /// Whether something is under `key`.
    pub(super) async fn is_there(&self, operation: &'static str, key: &str) -> Result<bool> {
        let answer = self.connection.call(operation, |mut clients| async move {
            clients.kv.get(key, None).await
        });
        Ok(!answer.await?.kvs().is_empty())
    }

    /// Whether this is the fence, to the byte.
    pub(super) async fn is_fenced_by(&self, operation: &'static str, fence: &[u8]) -> Result<bool> {
        let ends = self.ends(operation).await?;
        Ok(ends.fence.is_some_and(|there| there.bytes == fence))
    }

    /// How many batches the next page asks for.
    pub(super) fn page(&self) -> i64 {
        self.page.load(Ordering::Relaxed)
    }

    /// A page came: how large the next one may be.
    pub(super) fn learn_page(&self, largest_value: usize) {
        let fits = PAGE_BYTES / largest_value.max(1);
        let fits = i64::try_from(fits).unwrap_or(i64::MAX);
        // Not at once: batches may grow again.
        let next = fits.min(self.page() * 4).clamp(LEAST_PAGE, LARGEST_PAGE);
        self.page.store(next, Ordering::Relaxed);
    }

    /// A page of so many batches was too large for a message, or for the time that a member has; whether a smaller one may
    /// do.
    pub(super) fn shrink_page(&self, count: i64) -> bool {
        let smaller = (count / 8).max(LEAST_PAGE);
        self.page.fetch_min(smaller, Ordering::Relaxed);
        count > LEAST_PAGE
    }
}
