use std::time::Duration;

use bytes::Bytes;
use standfast_master::Ack;
use standfast_metadata::{ClientOptions, MetadataClient};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::{Dataset, key};
use crate::command::Failure;
use crate::command::demo::nodes::{DemoNode, primary, wait_until};

/// Nobody is expired and nothing else happens while a node is measured.
const QUIET: &str = "\n[metadata]\nclient_ttl = \"24h\"\n";

/// A node that serves a dataset: a process of its own that began with an empty data directory.
pub(in crate::command::bench) struct Served {
    node: DemoNode,
    pid: u32,
    /// From the start of the process to its first answer about an object of the snapshot, and one of the log.
    pub(in crate::command::bench) took: Duration,
}

impl Served {
    /// Starts it and waits until it has answered.
    pub(in crate::command::bench) async fn start(
        dataset: &Dataset,
        ack: Ack,
    ) -> Result<Self, Failure> {
        let mut node = DemoNode::configured(dataset.dir(), "a", ack, "24h", QUIET)?;
        node.turn_to_bucket(&dataset.bucket.lines()?)?;
        if node.data_dir.exists() {
            std::fs::remove_dir_all(&node.data_dir)?;
        }
        let begun = Instant::now();
        let pid = node.start()?;
        wait_until(std::slice::from_mut(&mut node), "it to lead", |status| {
            primary(status).is_some()
        })
        .await?;
        let endpoints = [node.endpoint.clone()];
        let client = MetadataClient::connect(&endpoints, ClientOptions::default()).await?;
        // The last of each: entries are two an object.
        let last = [dataset.objects, dataset.objects + dataset.entries / 2];
        let keys = last.into_iter().filter_map(|after| after.checked_sub(1));
        let keys: Vec<_> = keys.map(|number| Bytes::from(key(number))).collect();
        for there in client.exists(&keys).await? {
            if !there.map_err(|refusal| format!("{refusal:?}"))? {
                return Err("an object of the dataset is not there".into());
            }
        }
        let took = begun.elapsed();
        Ok(Self { node, pid, took })
    }

    pub(in crate::command::bench) const fn pid(&self) -> u32 {
        self.pid
    }

    pub(in crate::command::bench) fn endpoint(&self) -> &str {
        &self.node.endpoint
    }

    /// Waits until a snapshot is listed as verified.
    pub(in crate::command::bench) async fn verified(&mut self, seq: u64) -> Result<(), Failure> {
        let nodes = std::slice::from_mut(&mut self.node);
        let verified = wait_until(nodes, "its snapshot to be verified", |status| {
            primary(status).is_some_and(|node| node.verified_seq.0 >= seq)
        });
        verified.await.map(drop)
    }

    /// All that a histogram of seconds has recorded, added up; 0 of one that was never touched.
    pub(in crate::command::bench) async fn seconds(&self, histogram: &str) -> Result<f64, Failure> {
        let mut web = TcpStream::connect(&self.node.http).await?;
        web.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
        let mut text = String::new();
        web.read_to_string(&mut text).await?;
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(histogram));
        let value = lines.find_map(|rest| rest.strip_prefix("_sum "));
        Ok(value.map_or(Ok(0.0), str::parse)?)
    }
}
