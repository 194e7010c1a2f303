//! Upkeep takes time that passed without it as time that nobody was listened to: it must not run while nobody is.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::slow_log::{hang, lead_with};
use crate::support::{Client, Cluster, Counters, half_decided, small_batches};
use standfast_core::{
    ApplyContext, CaptureId, Clock, Command, DecideContext, Decision, Digest, Entry, Fingerprint,
    Op, Refusal, Reply, Result, Section, Service, ShadowState, StateMachine, Typed, Versions,
};

/// Counters whose upkeep is counted.
#[derive(Debug)]
struct Watched {
    inner: Box<dyn Service>,
    upkeeps: Arc<AtomicUsize>,
}

impl StateMachine for Watched {
    fn apply(&mut self, context: &mut ApplyContext<'_>, entry: &Entry<'_>) -> Result<Reply> {
        self.inner.apply(context, entry)
    }

    fn digest(&self) -> Digest {
        self.inner.digest()
    }

    fn section_digest(&self, section: Section) -> Digest {
        self.inner.section_digest(section)
    }

    fn rows(&self) -> u64 {
        self.inner.rows()
    }

    fn capture(&mut self) -> CaptureId {
        self.inner.capture()
    }

    fn read_section(&mut self, capture: CaptureId, section: Section, out: &mut Vec<u8>) -> u64 {
        self.inner.read_section(capture, section, out)
    }

    fn end_capture(&mut self, capture: CaptureId) {
        self.inner.end_capture(capture);
    }

    fn begin_restore(&self) -> Box<dyn ShadowState> {
        self.inner.begin_restore()
    }

    fn versions(&self) -> Versions {
        self.inner.versions()
    }
}

impl Service for Watched {
    fn open(&mut self, cluster: Fingerprint) {
        self.inner.open(cluster);
    }

    fn decide(
        &mut self,
        context: &mut DecideContext<'_>,
        command: &Command,
        item: u32,
    ) -> Result<Decision, Refusal> {
        self.inner.decide(context, command, item)
    }

    fn query(
        &mut self,
        context: &mut DecideContext<'_>,
        question: &(dyn Any + Send + Sync),
    ) -> Box<dyn Any + Send> {
        self.inner.query(context, question)
    }

    fn upkeep(&mut self, context: &mut DecideContext<'_>) -> Vec<Op> {
        self.upkeeps.fetch_add(1, Ordering::SeqCst);
        self.inner.upkeep(context)
    }

    fn term_begins(&mut self, now_ms: u64) {
        self.inner.term_begins(now_ms);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_upkeep_while_a_command_waits_for_room_in_the_middle() {
    let clock = Clock::system();
    let cluster = Cluster::new(clock.clone()).await;
    let upkeeps = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&upkeeps);
    let mut sources = cluster.sources("a");
    sources.service = Arc::new(move || {
        Box::new(Watched {
            inner: Box::new(Typed::new(|| Counters)),
            upkeeps: Arc::clone(&counted),
        })
    });
    let (term, log) = lead_with(sources, small_batches(), clock.clone()).await;
    let handle = term.handle();
    let so_many_more = async |more: usize, patience: Duration| {
        let (before, begun) = (upkeeps.load(Ordering::SeqCst), clock.now());
        while upkeeps.load(Ordering::SeqCst) < before + more {
            if clock.now().since(begun) > patience {
                return false;
            }
            tokio::task::yield_now().await;
        }
        true
    };
    assert!(so_many_more(2, Duration::from_secs(20)).await);
    hang(&log);
    let large = half_decided(&handle, &clock).await;
    // One may have been under way.
    assert!(!so_many_more(2, Duration::from_millis(500)).await);
    log.heal();
    assert_eq!(large.await.unwrap().len(), 7);
    assert!(so_many_more(2, Duration::from_secs(20)).await);
    let client = Client::new(1, &clock);
    assert_eq!(client.read(&handle, "x").await.unwrap(), 7);
}
