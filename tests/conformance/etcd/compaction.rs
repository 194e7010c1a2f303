//! An etcd that forgets its history between any two calls of a tail: also between its look and its watch, which is refused
//! then.

use std::sync::Arc;

use etcd_client::{Client, CompactionOptions, DeleteOptions};
use standfast::conformance::Wire;
use standfast::standfast_core::{
    Batch, Epoch, OpLogStore, OpLogTail, OpLogWriter, Position, Store, TailEvent,
};
use standfast_backends::EtcdOpLog;

use super::endpoints;
use super::proxy::Proxy;
use super::words::{batch, cluster, epoch_start, token};

/// A tail makes so many calls, at least, until it watches and has seen a batch come.
const CALLS: u64 = 6;

/// A log with a writer, and a tail that reaches it through a proxy.
struct Story {
    root: String,
    written: Vec<Batch>,
    writer: Box<dyn OpLogWriter>,
    proxy: Proxy,
    followed: EtcdOpLog,
}

impl Story {
    async fn begin() -> Self {
        let root = format!("/tests/{:032x}", rand::random::<u128>());
        let log = EtcdOpLog::open(&endpoints(), &root);
        log.init(cluster()).await.unwrap();
        let writer = log.open_writer(&token(Epoch(1))).await.unwrap();
        let proxy = Proxy::start(&endpoints()[0], None);
        let followed = EtcdOpLog::open(std::slice::from_ref(&proxy.url), &root);
        let mut story = Self {
            root,
            written: Vec::new(),
            writer,
            proxy,
            followed,
        };
        let tail = story.writer.tail();
        story.append(epoch_start(Epoch(1), tail)).await;
        story
    }

    async fn append(&mut self, batch: Batch) {
        self.writer.append(&batch).await.unwrap();
        self.written.push(batch);
    }

    /// Some more, and then nothing is known any more of how they came.
    async fn append_and_forget(&mut self, client: &mut Client) {
        for _ in 0..3 {
            let next = batch(Epoch(1), self.writer.tail(), b"more");
            self.append(next).await;
        }
        let now = client.get(self.root.as_str(), None).await.unwrap();
        let revision = now.header().unwrap().revision();
        let physical = CompactionOptions::new().with_physical();
        // Others may have come first: then it is forgotten as well.
        drop(client.compact(revision, Some(physical)).await);
    }

    async fn end(self, client: &mut Client) {
        let all = DeleteOptions::new().with_prefix();
        client
            .delete(format!("{}/", self.root), Some(all))
            .await
            .unwrap();
        // A runtime must not be dropped on one.
        tokio::task::spawn_blocking(move || drop(self.proxy))
            .await
            .unwrap();
    }
}

/// What a tail tells, until it has told so many batches.
async fn heard(tail: &mut dyn OpLogTail, count: usize) -> Vec<Batch> {
    let mut heard = Vec::new();
    while heard.len() < count {
        match tail.next().await.unwrap() {
            TailEvent::Batches(batches) => heard.extend(batches),
            TailEvent::CaughtUp { .. } | TailEvent::NewEpoch(_) => {}
            other @ TailEvent::Trimmed { .. } => panic!("{other:?}"),
        }
    }
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn h08_a_tail_whose_history_is_forgotten_between_any_two_calls_tells_every_batch_once() {
    let mut client = Client::connect(endpoints(), None).await.unwrap();
    for call in 0..CALLS {
        let mut story = Story::begin().await;
        story.proxy.gate.hold_at(call);
        let (gate, followed) = (Arc::clone(&story.proxy.gate), story.followed.clone());
        let mut follows = tokio::task::JoinSet::new();
        follows.spawn(async move {
            let mut tail = followed.tail(Position::genesis(cluster())).await.unwrap();
            let first = heard(&mut *tail, 4).await;
            (tail, first)
        });
        gate.held().await;
        story.append_and_forget(&mut client).await;
        gate.release();
        let (mut tail, mut told) = follows.join_next().await.unwrap().unwrap();
        story.append_and_forget(&mut client).await;
        told.extend(heard(&mut *tail, 3).await);
        let (told, written): (Vec<_>, Vec<_>) = (
            told.iter().map(Batch::end).collect(),
            story.written.iter().map(Batch::end).collect(),
        );
        assert_eq!(told, written, "held at call {call}");
        story.end(&mut client).await;
    }
}
