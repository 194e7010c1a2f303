use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use standfast_metadata::{
    ClientOptions, MetadataClient, Placement, PutObject, SegmentId, SegmentInfo,
};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::command::Failure;

/// Clients, each with a connection of its own.
pub(in crate::command::bench) struct Clients {
    connected: Vec<MetadataClient>,
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
            connected.push(MetadataClient::connect(&endpoints, ClientOptions::default()).await?);
        }
        let first = connected.first().ok_or("no client")?;
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
        let mounted = first.mount_segment(&segment).await?;
        mounted.map_err(|refusal| format!("{refusal:?}"))?;
        let drawn = u64::try_from(id.0 >> 64)?;
        Ok(Self {
            connected,
            batch,
            next: Arc::default(),
            drawn,
        })
    }

    /// Lets every client put, one call after the other; calls a second, a start and an end each.
    pub(super) async fn calls(&self, span: Duration) -> Result<f64, Failure> {
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for client in &self.connected {
            let (client, next) = (client.clone(), Arc::clone(&self.next));
            let (batch, drawn) = (self.batch, self.drawn);
            tasks.spawn(async move {
                let mut calls = 0_u32;
                while begun.elapsed() < span {
                    let first = next.fetch_add(batch as u64, Ordering::Relaxed);
                    put(&client, drawn, first..first + batch as u64).await?;
                    calls += 1;
                }
                Ok::<_, Failure>(calls)
            });
        }
        let mut calls = 0;
        while let Some(one) = tasks.join_next().await {
            calls += one??;
        }
        Ok(f64::from(calls) / begun.elapsed().as_secs_f64())
    }

    /// Lets the first client put, one call after the other; how long each start and its end took, in ms.
    pub(in crate::command::bench) async fn latencies(
        &self,
        span: Duration,
    ) -> Result<Vec<f64>, Failure> {
        let client = self.connected.first().ok_or("no client")?;
        let mut taken = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < span {
            let first = self.next.fetch_add(self.batch as u64, Ordering::Relaxed);
            let asked = Instant::now();
            put(client, self.drawn, first..first + self.batch as u64).await?;
            taken.push(asked.elapsed().as_secs_f64() * 1e3);
        }
        Ok(taken)
    }
}

async fn put(
    client: &MetadataClient,
    drawn: u64,
    numbers: std::ops::Range<u64>,
) -> Result<(), Failure> {
    let objects: Vec<_> = numbers
        .map(|number| PutObject {
            key: Bytes::from(format!("{drawn:016x}{number:016x}")),
            size: 4096,
            checksum: None,
        })
        .collect();
    for placed in client.put_start(&objects, &Placement::default()).await? {
        placed.map_err(|refusal| format!("{refusal:?}"))?;
    }
    for ended in client.put_end(&objects).await? {
        ended.map_err(|refusal| format!("{refusal:?}"))?;
    }
    Ok(())
}
