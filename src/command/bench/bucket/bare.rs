use std::path::{Path, PathBuf};

#[cfg(feature = "s3")]
use bytes::Bytes;
#[cfg(feature = "s3")]
use futures::{StreamExt, TryStreamExt, stream};
#[cfg(feature = "s3")]
use object_store::{ObjectStore, ObjectStoreExt, aws::AmazonS3Builder, path::Path as Name};
use tokio::time::Instant;

use crate::command::Failure;

/// Objects under way at a server at once, as many as a node has by default.
#[cfg(feature = "s3")]
const PARALLEL: usize = 4;

/// The store of a bucket without anything of ours: what the yardsticks are made of.
pub(in crate::command::bench) enum Bare {
    /// A directory on the disk of the bucket.
    Dir(PathBuf),
    /// A server, and the names below which nobody else writes.
    #[cfg(feature = "s3")]
    Server(Box<dyn ObjectStore>, Name),
}

/// How long it took to move the same bytes, in seconds.
#[derive(Clone, Copy, Debug)]
pub(in crate::command::bench) struct Moved {
    pub(in crate::command::bench) put: f64,
    /// Of a server; a directory is in memory by then.
    pub(in crate::command::bench) get: f64,
}

impl Bare {
    pub(super) fn of(table: &toml::Table, dir: &Path) -> Result<Self, Failure> {
        #[cfg(feature = "s3")]
        if let Some(place) = word(table, "url").and_then(|url| url.strip_prefix("s3://")) {
            let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
            let mut builder = AmazonS3Builder::from_env()
                .with_bucket_name(bucket)
                .with_allow_http(true);
            if let Some(endpoint) = word(table, "endpoint") {
                builder = builder.with_endpoint(endpoint);
            }
            return Ok(Self::Server(
                Box::new(builder.build()?),
                Name::from(prefix).join("bare"),
            ));
        }
        match word(table, "url") {
            Some("bucket") => Ok(Self::Dir(dir.to_owned())),
            other => Err(format!("there is no yardstick for `{other:?}`: only for s3://").into()),
        }
    }

    /// Puts these and gets them back, each as an object of its own, and removes them.
    pub(in crate::command::bench) async fn moves(
        self,
        objects: Vec<Vec<u8>>,
    ) -> Result<Moved, Failure> {
        match self {
            Self::Dir(dir) => {
                let put = tokio::task::spawn_blocking(move || write(&objects, &dir)).await??;
                Ok(Moved { put, get: 0.0 })
            }
            #[cfg(feature = "s3")]
            Self::Server(store, below) => send_and_fetch(&*store, &below, objects).await,
        }
    }
}

fn word<'a>(table: &'a toml::Table, key: &str) -> Option<&'a str> {
    table.get(key).and_then(toml::Value::as_str)
}

/// Writes and syncs them, in seconds.
fn write(objects: &[Vec<u8>], dir: &Path) -> Result<f64, Failure> {
    use std::io::Write;

    let begun = Instant::now();
    for (number, object) in objects.iter().enumerate() {
        let path = dir.join(format!("raw-{number}"));
        let mut file = std::fs::File::create(&path)?;
        file.write_all(object)?;
        file.sync_all()?;
        std::fs::remove_file(path)?;
    }
    Ok(begun.elapsed().as_secs_f64())
}

#[cfg(feature = "s3")]
async fn send_and_fetch(
    store: &dyn ObjectStore,
    below: &Name,
    objects: Vec<Vec<u8>>,
) -> Result<Moved, Failure> {
    let objects: Vec<_> = (0..).zip(objects.into_iter().map(Bytes::from)).collect();
    let name = |number: u64| below.clone().join(number.to_string());
    let begun = Instant::now();
    stream::iter(objects.iter().cloned())
        .map(|(number, object)| {
            let name = name(number);
            async move { store.put(&name, object.into()).await.map(drop) }
        })
        .buffer_unordered(PARALLEL)
        .try_collect::<()>()
        .await?;
    let put = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let fetched = stream::iter(&objects)
        .map(|(number, _)| {
            let name = name(*number);
            async move { store.get(&name).await?.bytes().await }
        })
        .buffer_unordered(PARALLEL)
        .try_fold(0, async |sum, object| Ok(sum + object.len()))
        .await?;
    let get = begun.elapsed().as_secs_f64();
    if fetched
        != objects
            .iter()
            .map(|(_, object)| object.len())
            .sum::<usize>()
    {
        return Err("what was fetched is not what was sent".into());
    }
    for (number, _) in &objects {
        store.delete(&name(*number)).await?;
    }
    Ok(Moved { put, get })
}
