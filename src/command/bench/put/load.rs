use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::try_join_all;
use standfast_metadata::{
    ClientOptions, MetadataClient, Placement, PutObject, SegmentId, SegmentInfo,
};
use tokio::time::Instant;

use super::own_thread::OwnThread;
use crate::command::Failure;

/// Clients, each with a thread and a connection of its own.
pub(in crate::command::bench) struct Clients {
    connected: Vec<(OwnThread, MetadataClient)>,
    keys: Keys,
}

/// What is put.
#[derive(Clone)]
struct Keys {
    batch: usize,
    /// Numbers of the keys that were put; no key is put twice.
    next: Arc<AtomicU64>,
    /// Drawn once: others put keys too.
    drawn: u64,
}

impl Clients {
    pub(in crate::command::bench) async fn connect(
        endpoint: &str,
        count: usize,
        batch: usize,
    ) -> Result<Self, Failure> {
        let endpoints = [endpoint.to_owned()];
        let mut connected = Vec::new();
        for _ in 0..count {
            let (thread, endpoints) = (OwnThread::start()?, endpoints.clone());
            let connect = async move {
                Ok(MetadataClient::connect(&endpoints, ClientOptions::default()).await?)
            };
            let client = thread.run(connect).await?;
            connected.push((thread, client));
        }
        let (thread, first) = connected.first().ok_or("no client")?;
        let id = SegmentId::random();
        let segment = SegmentInfo {
            id,
            incarnation: 1,
            name: "bench".to_owned(),
            endpoint: "bench.invalid:1".to_owned(),
            base: 1 << 32,
            size: 1 << 45,
            protocol: "none".to_owned(),
        };
        let client = first.clone();
        let mount = async move { Ok(client.mount_segment(&segment).await?) };
        let mounted = thread.run(mount).await?;
        mounted.map_err(|refusal| format!("{refusal:?}"))?;
        let keys = Keys {
            batch,
            next: Arc::default(),
            drawn: u64::try_from(id.0 >> 64)?,
        };
        Ok(Self { connected, keys })
    }

    /// Lets every client put, one call after the other; calls a second, a start and an end each.
    pub(in crate::command::bench) async fn calls(&self, span: Duration) -> Result<f64, Failure> {
        let begun = Instant::now();
        let all = self.connected.iter().map(|(thread, client)| {
            let (client, keys) = (client.clone(), self.keys.clone());
            thread.run(async move {
                let mut calls = 0_u32;
                while begun.elapsed() < span {
                    keys.put(&client).await?;
                    calls += 1;
                }
                Ok(calls)
            })
        });
        let calls: u32 = try_join_all(all).await?.into_iter().sum();
        Ok(f64::from(calls) / begun.elapsed().as_secs_f64())
    }

    /// Lets the first client put, one call after the other; how long each start and its end took, in ms.
    pub(in crate::command::bench) async fn latencies(
        &self,
        span: Duration,
    ) -> Result<Vec<f64>, Failure> {
        let (thread, client) = self.connected.first().ok_or("no client")?;
        let (client, keys) = (client.clone(), self.keys.clone());
        let timed = async move {
            let mut taken = Vec::new();
            let begun = Instant::now();
            while begun.elapsed() < span {
                let asked = Instant::now();
                keys.put(&client).await?;
                taken.push(asked.elapsed().as_secs_f64() * 1e3);
            }
            Ok(taken)
        };
        thread.run(timed).await
    }
}

impl Keys {
    /// A start and an end of the next ones.
    async fn put(&self, client: &MetadataClient) -> Result<(), Failure> {
        let first = self.next.fetch_add(self.batch as u64, Ordering::Relaxed);
        let object = |number: u64| PutObject {
            key: Bytes::from(format!("{:016x}{number:016x}", self.drawn)),
            size: 4096,
            checksum: None,
        };
        let objects: Vec<_> = (first..first + self.batch as u64).map(object).collect();
        for placed in client.put_start(&objects, &Placement::default()).await? {
            placed.map_err(|refusal| format!("{refusal:?}"))?;
        }
        for ended in client.put_end(&objects).await? {
            ended.map_err(|refusal| format!("{refusal:?}"))?;
        }
        Ok(())
    }
}
