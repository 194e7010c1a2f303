//! A handle over a proxy: every single call is held once and loses its answer once, and the watch lies; and keys that are
//! changed behind the log's back.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use etcd_client::{Client, DeleteOptions, GetOptions};
use standfast::conformance::{
    Case, Damage, Kind, Log, LogHarness, LogSpace, News, Plan, Verdict, Wired, run_case, run_twin,
};
use standfast::standfast_core::{OpLogStore, Result};
use standfast_backends::EtcdOpLog;

use super::endpoints;
use super::proxy::Proxy;
use crate::seeds;

#[derive(Debug)]
struct Shared;

#[derive(Debug)]
struct Space {
    root: String,
    proxies: Mutex<Vec<Proxy>>,
}

impl Space {
    fn proxied(&self, news: Option<News>) -> Wired {
        let proxy = Proxy::start(&endpoints()[0], news);
        let wired = Wired {
            store: Arc::new(EtcdOpLog::open(
                std::slice::from_ref(&proxy.url),
                &self.root,
            )),
            wire: Arc::clone(&proxy.gate) as Arc<_>,
        };
        self.proxies.lock().unwrap().push(proxy);
        wired
    }
}

#[async_trait]
impl LogHarness for Shared {
    async fn space(&self) -> Result<Box<dyn LogSpace>> {
        Ok(Box::new(Space {
            root: format!("/tests/{:032x}", rand::random::<u128>()),
            proxies: Mutex::default(),
        }))
    }
}

#[async_trait]
impl LogSpace for Space {
    async fn open(&self) -> Result<Arc<dyn OpLogStore>> {
        Ok(Arc::new(EtcdOpLog::open(&endpoints(), &self.root)))
    }

    async fn open_wired(&self) -> Result<Option<Wired>> {
        Ok(Some(self.proxied(None)))
    }

    async fn open_misled(&self, news: News) -> Result<Option<Arc<dyn OpLogStore>>> {
        Ok(Some(self.proxied(Some(news)).store))
    }

    async fn damage(&self, how: Damage) -> Result<bool> {
        let mut client = Client::connect(endpoints(), None).await.unwrap();
        let batches = GetOptions::new().with_prefix();
        let found = client.get(format!("{}/oplog/0", self.root), Some(batches));
        for kv in found.await.unwrap().take_kvs() {
            let (key, mut value) = kv.into_key_value();
            match how {
                Damage::Rot => *value.last_mut().unwrap() ^= 1,
                Damage::Newer => value[4] = 2,
            }
            client.put(key, value, None).await.unwrap();
        }
        Ok(true)
    }

    async fn remove(&self) -> Result<()> {
        let mut client = Client::connect(endpoints(), None).await.unwrap();
        let all = DeleteOptions::new().with_prefix();
        let removed = client.delete(format!("{}/", self.root), Some(all)).await;
        removed.unwrap();
        let proxies = std::mem::take(&mut *self.proxies.lock().unwrap());
        // A runtime must not be dropped on one.
        tokio::task::spawn_blocking(|| drop(proxies)).await.unwrap();
        Ok(())
    }
}

fn case(name: &str) -> Case<Log> {
    let mut cases = Log::cases().into_iter();
    cases.find(|case| case.name == name).expect("it is there")
}

fn plan() -> Plan {
    Plan {
        seed: seeds::first(),
        patience: std::time::Duration::from_mins(10),
        ..Plan::default()
    }
}

fn passes(name: &str) {
    let harness: Arc<dyn LogHarness> = Arc::new(Shared);
    let row = run_case::<Log>(&harness, &case(name), &plan());
    assert_eq!(row.verdict, Verdict::Passed, "{}", row.verdict);
}

fn its_twin_does_not(name: &str) {
    let harness: Arc<dyn LogHarness> = Arc::new(Shared);
    let failure = run_twin::<Log>(&harness, &case(name), &plan());
    assert!(failure.is_ok(), "{failure:?}");
}

/// Their twins make much of appends and trims that failed, and none fails here: after a lost answer etcd is asked again.
const WITHOUT_A_TWIN: [&str; 2] = [
    "h03_a_lost_answer_at_any_call_is_no_lost_entry",
    "h10_a_trim_cut_at_any_call_is_done_by_the_next",
];

/// A test for each of these cases and its twin.
macro_rules! cases {
    (holds: $($case:ident),+;) => {
        $(
            #[test]
            fn $case() {
                passes(stringify!($case));
                if !WITHOUT_A_TWIN.contains(&stringify!($case)) {
                    its_twin_does_not(stringify!($case));
                }
            }
        )+
    };
}

cases!(holds:
    h01_a_writer_held_between_any_two_calls_loses_nothing_it_acknowledges,
    h02_a_writer_held_while_its_successor_trims_past_it_leaves_no_trace,
    h03_a_lost_answer_at_any_call_is_no_lost_entry,
    h08_a_watch_that_lies_only_wakes_a_tail,
    h10_a_trim_cut_at_any_call_is_done_by_the_next,
    h14_damage_is_corrupt_and_never_passed_over,
    h23_what_a_later_version_wrote_is_told_as_such;
);
