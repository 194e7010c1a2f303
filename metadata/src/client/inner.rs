use bytes::Bytes;
use parking_lot::Mutex;
use standfast_core::{Refusal, Result};
use tokio::sync::watch;

use super::lend::Lent;
use super::metadata_client::Pong;
use super::options::ClientOptions;
use super::placed::refused;
use super::replaced::Replaced;
use super::route::Route;
use super::session::Session;
use crate::v1;
use crate::v1::ErrorCode;

/// What a client and the task that pings for it share.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) options: ClientOptions,
    pub(super) route: Route,
    pub(super) session: Session,
    /// What it lends: mounted again when the master has forgotten it.
    pub(super) lent: Mutex<Lending>,
    /// What it lends no more because another client took its place.
    pub(super) replaced: watch::Sender<Vec<Replaced>>,
    /// One remount at a time.
    remounting: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
pub(super) struct Lending {
    /// Whether the master was to know us at all: a client that only reads need not be known.
    pub(super) joined: bool,
    pub(super) segments: Vec<Lent>,
}

impl Inner {
    pub(super) fn new(options: ClientOptions, route: Route) -> Self {
        Self {
            session: Session::new(options.client),
            options,
            route,
            lent: Mutex::default(),
            replaced: watch::Sender::default(),
            remounting: tokio::sync::Mutex::new(()),
        }
    }

    /// Calls with a request number, and makes us known first where that is missing.
    ///
    /// `send` asks under the header given; `unknown` looks for items that were refused because the master does
    /// not know us. The request keeps its number: a refusal is not remembered.
    ///
    /// (`send` is no `AsyncFn`: with one the compiler cannot prove that the future is `Send`, and no caller could
    /// spawn it.)
    pub(super) async fn change<A, F>(
        &self,
        send: impl Fn(v1::RequestHeader) -> F,
        unknown: impl Fn(&A) -> bool,
    ) -> Result<A>
    where
        F: Future<Output = Result<A>>,
    {
        let ticket = self.session.begin().await;
        let answer = send(ticket.header()).await?;
        if !unknown(&answer) {
            return Ok(answer);
        }
        self.remount().await?;
        send(ticket.header()).await
    }

    /// Goes on lending a segment.
    pub(super) fn lends(&self, lent: Lent) {
        let mut lending = self.lent.lock();
        lending.joined = true;
        let id = &lent.segment.id;
        lending.segments.retain(|other| other.segment.id != *id);
        let name = &lent.segment.name;
        self.replaced
            .send_if_modified(|all| all.extract_if(.., |one| one.name == *name).count() > 0);
        lending.segments.push(lent);
    }

    /// Stops lending a segment.
    pub(super) fn lends_no_more(&self, id: &Bytes) {
        let mut lending = self.lent.lock();
        lending.segments.retain(|lent| lent.segment.id != *id);
    }

    /// Makes the client known and mounts again all it lends, with what lies in it as far as somebody knows. Nothing of it is
    /// mounted as if it were new: who knew it may still be reading and writing there.
    pub(super) async fn remount(&self) -> Result<()> {
        let _one_at_a_time = self.remounting.lock().await;
        let segments = {
            let mut lent = self.lent.lock();
            lent.joined = true;
            lent.segments.clone()
        };
        if segments.is_empty() {
            let ticket = self.session.begin().await;
            self.mount(ticket.header(), Vec::new()).await?;
        }
        for lent in segments {
            let held = lent
                .holdings
                .map_or_else(Vec::new, |holdings| holdings.held());
            if let Err(refusal) = self.remount_held(&lent.segment, &held).await? {
                tracing::warn!(client = %self.options.client, %refusal.message, "remount refused");
                if ErrorCode::of(&refusal) == ErrorCode::SegmentAlreadyExists {
                    self.was_replaced(&lent.segment, refusal);
                }
            }
        }
        Ok(())
    }

    pub(super) async fn mount(
        &self,
        header: v1::RequestHeader,
        segments: Vec<v1::Segment>,
    ) -> Result<Vec<Result<(), Refusal>>> {
        let request = v1::MountSegmentRequest {
            header: Some(header),
            segments,
        };
        let count = request.segments.len();
        let answer = self
            .call("mount segment", count, &request, |mut stub, r| async move {
                stub.mount_segment(r).await
            })
            .await?;
        let result = |item: &v1::ItemResult| refused(item.code, &item.message);
        Ok(answer.results.iter().map(result).collect())
    }

    /// A sign of life; what we lend is mounted again if the master asks for it.
    pub(super) async fn ping(&self) -> Result<Pong> {
        let (joined, mounted) = {
            let lent = self.lent.lock();
            let incarnation = |lent: &Lent| v1::Incarnation {
                segment: lent.segment.id.clone(),
                incarnation: lent.segment.incarnation,
            };
            let mounted = lent.segments.iter().map(incarnation).collect();
            (lent.joined, mounted)
        };
        let request = v1::PingRequest {
            client: self.session.client(),
            mounted,
        };
        let answer = self
            .call("ping", 0, &request, |mut stub, r| async move {
                stub.ping(r).await
            })
            .await?;
        let remount = joined && answer.status() == v1::PingStatus::NeedRemount;
        if remount {
            self.remount().await?;
        }
        Ok(Pong {
            epoch: standfast_core::Epoch(answer.epoch),
            remounted: remount,
        })
    }

    /// Pings for ever.
    #[expect(clippy::infinite_loop, reason = "ended by the owner of the task")]
    pub(super) async fn keep_alive(&self) {
        let mut every = tokio::time::interval(self.options.ping_every);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if let Err(error) = self.ping().await {
                tracing::warn!(client = %self.options.client, %error, "ping failed");
            }
        }
    }
}

/// Whether items were refused because the master does not know the client.
pub(super) fn unknown_client(codes: impl Iterator<Item = i32>) -> bool {
    let mut codes = codes;
    codes.any(|code| code == ErrorCode::ClientNotFound as i32)
}
