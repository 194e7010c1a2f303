use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use standfast_metadata::v1;
use standfast_metadata::v1::master_service_client::MasterServiceClient;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::Status;
use tonic::transport::Channel;

use crate::node::TestNode;
use crate::support::TestCluster;

/// How long a call is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client that asks one node and no other, each thing once.
#[derive(Clone)]
pub(crate) struct Straight {
    stub: MasterServiceClient<Channel>,
    client: u128,
    requests: Arc<AtomicU64>,
}

/// A call that was made, and whether it was answered.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) key: String,
    pub(crate) at: Instant,
    pub(crate) answered: bool,
}

impl Straight {
    /// To the node that leads. It lends nothing: it gives no sign of life, and what lay there would be lost with it.
    pub(crate) async fn to(node: &TestNode) -> Self {
        let endpoint = format!("http://{}", node.endpoint);
        let mut straight = Self {
            stub: MasterServiceClient::connect(endpoint).await.unwrap(),
            client: rand::random(),
            requests: Arc::default(),
        };
        let mount = v1::MountSegmentRequest {
            header: Some(straight.header()),
            segments: Vec::new(),
        };
        let mounted = straight.stub.mount_segment(mount).await.unwrap();
        assert_eq!(mounted.into_inner().results[0].code, 0);
        straight
    }

    fn header(&self) -> v1::RequestHeader {
        v1::RequestHeader {
            client: self.client.to_be_bytes().to_vec().into(),
            request: self.requests.fetch_add(1, Ordering::Relaxed) + 1,
            answered: 0,
        }
    }

    /// Puts an object. Answered when that was acknowledged.
    pub(crate) async fn put(mut self, key: String) -> Asked {
        let at = Instant::now();
        let put = tokio::time::timeout(PATIENCE, self.put_both(&key)).await;
        let answered = put.is_ok_and(|put| put.is_ok_and(|done| done));
        Asked { key, at, answered }
    }

    /// That room was found is no promise yet; that the object is complete is one.
    async fn put_both(&mut self, key: &str) -> Result<bool, Status> {
        let start = v1::PutStartRequest {
            header: Some(self.header()),
            key: key.to_owned().into(),
            size: 64,
            ..v1::PutStartRequest::default()
        };
        self.stub.put_start(start).await?;
        let end = v1::PutEndRequest {
            header: Some(self.header()),
            key: key.to_owned().into(),
            ..v1::PutEndRequest::default()
        };
        let ended = self.stub.put_end(end).await?.into_inner();
        Ok(ended.result.is_some_and(|result| result.code == 0))
    }

    /// Reads.
    pub(crate) async fn read(mut self) -> Asked {
        let (at, key) = (Instant::now(), "nobody's".to_owned());
        let request = v1::ExistKeyRequest {
            key: key.clone().into(),
            ..v1::ExistKeyRequest::default()
        };
        let read = tokio::time::timeout(PATIENCE, self.stub.exist_key(request)).await;
        let answered = read.is_ok_and(|read| read.is_ok());
        Asked { key, at, answered }
    }

    /// So many puts, all at once.
    pub(crate) fn put_many(&self, name: &str, count: usize) -> JoinSet<Asked> {
        let mut puts = JoinSet::new();
        for number in 0..count {
            puts.spawn(self.clone().put(format!("{name}-{number}")));
        }
        puts
    }

    /// Reads and puts again and again, until `end`. What came of it.
    pub(crate) async fn until<T>(&self, end: impl Future<Output = T>) -> (T, Vec<Asked>) {
        let mut calls = JoinSet::new();
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let mut end = std::pin::pin!(end);
        let mut count = 0;
        let ended = loop {
            // Both arms are cancel safe: the end is waited for on and on.
            tokio::select! {
                ended = &mut end => break ended,
                _ = ticks.tick() => {
                    count += 1;
                    calls.spawn(self.clone().read());
                    calls.spawn(self.clone().put(format!("until-{count}")));
                }
            }
        };
        (ended, calls.join_all().await)
    }
}

/// In which epochs an object was put under each key that is named so: in one, or it was doubled.
pub(crate) async fn puts_in_log(cluster: &TestCluster, name: &str) -> BTreeMap<String, Vec<u64>> {
    let dump = cluster.nodes[0]
        .command(&["oplog", "dump", "-o", "json"])
        .await;
    assert!(dump.status.success(), "{dump:?}");
    let prefix = format!("default/{name}-");
    let mut found: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for line in String::from_utf8(dump.stdout).unwrap().lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let key = entry["key"].as_str().unwrap();
        if key.starts_with(&prefix) && entry["op"].as_str().unwrap().contains("PutEnd") {
            let key = key.trim_start_matches("default/").to_owned();
            found
                .entry(key)
                .or_default()
                .push(entry["epoch"].as_u64().unwrap());
        }
    }
    found
}

/// Each put that was acknowledged is in the log, and none is there twice. How many were acknowledged.
pub(crate) async fn are_in_log_once(cluster: &TestCluster, name: &str, asked: &[Asked]) -> usize {
    let found = puts_in_log(cluster, name).await;
    for (key, epochs) in &found {
        assert_eq!(epochs.len(), 1, "{key} in epochs {epochs:?}");
    }
    let acknowledged = |put: &&Asked| put.answered && put.key.starts_with(name);
    let acknowledged: Vec<_> = asked.iter().filter(acknowledged).collect();
    for put in &acknowledged {
        assert!(found.contains_key(&put.key), "{put:?}");
    }
    acknowledged.len()
}
