use std::time::Duration;

use axum::http::Method;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::http;

/// The objects of a cluster at the gateway, as somebody gets at them who looks after the bucket.
pub(super) struct ByHand {
    store: AmazonS3,
    cluster: Path,
}

impl ByHand {
    /// Those of cluster `test` with these settings of a bucket, reached at `endpoint`.
    pub(super) fn at(endpoint: &str, settings: &str) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let prefix = settings.split('"').nth(1).unwrap();
        let prefix = prefix.strip_prefix("s3://standfast/").unwrap();
        let store = AmazonS3Builder::new()
            .with_endpoint(endpoint)
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_bucket_name("standfast")
            .with_access_key_id("test")
            .with_secret_access_key("testsecret")
            .build();
        Self {
            store: store.unwrap(),
            cluster: Path::from(prefix).join("test"),
        }
    }

    /// Those of another cluster in the same place.
    pub(super) fn of(&self, cluster: &str) -> Self {
        let mut place: Vec<_> = self.cluster.parts().collect();
        place.pop();
        Self {
            store: self.store.clone(),
            cluster: Path::from_iter(place).join(cluster),
        }
    }

    /// The names of what lies in a folder and below, in order.
    pub(super) async fn names(&self, folder: &str) -> Vec<Path> {
        let folder = self.path(folder);
        let found: Vec<_> = self.store.list(Some(&folder)).try_collect().await.unwrap();
        let mut names: Vec<_> = found.into_iter().map(|meta| meta.location).collect();
        names.sort();
        names
    }

    /// `name` in the cluster's folder.
    pub(super) fn path(&self, name: &str) -> Path {
        let parts = name.split('/').filter(|part| !part.is_empty());
        parts.fold(self.cluster.clone(), Path::join)
    }

    pub(super) async fn read(&self, name: &Path) -> Bytes {
        let found = self.store.get(name).await.unwrap();
        found.bytes().await.unwrap()
    }

    pub(super) async fn write(&self, name: &Path, bytes: Bytes) {
        self.store.put(name, bytes.into()).await.unwrap();
    }

    pub(super) async fn delete(&self, name: &Path) {
        self.store.delete(name).await.unwrap();
    }

    /// Makes objects of these names, many at once.
    pub(super) async fn fill(&self, names: impl Iterator<Item = Path>) {
        let puts =
            names.map(|name| async move { self.write(&name, Bytes::from_static(b"x")).await });
        futures::stream::iter(puts)
            .buffer_unordered(32)
            .collect::<()>()
            .await;
    }

    /// What the gateway says of an object beside its bytes: a line each.
    pub(super) async fn head(&self, name: &Path) -> String {
        let signed = self
            .store
            .signed_url(Method::HEAD, name, Duration::from_mins(1));
        let url = signed.await.unwrap().to_string();
        let (address, path) = url
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once('/'))
            .unwrap();
        let head = http::ask("HEAD", address, &format!("/{path}")).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{name}: {head}");
        head
    }

    /// Copies what lies in a folder into the same folder of another cluster.
    pub(super) async fn copy(&self, folder: &str, to: &Self) {
        for name in self.names(folder).await {
            let rest: Vec<_> = name.prefix_match(&self.cluster).unwrap().collect();
            let copied = rest.into_iter().fold(to.cluster.clone(), Path::join);
            to.write(&copied, self.read(&name).await).await;
        }
    }
}
