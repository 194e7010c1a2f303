use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use object_store::ObjectMeta;
use parking_lot::Mutex;
use standfast_core::{CatalogEntry, ErrorKind, Fingerprint, Manifest, Result, SnapshotId};

use super::documents::{self, Document, Owner};
use super::error::fail;
use super::layout::Layout;
use super::objects::{Created, Objects};

/// One cluster's part of a bucket.
#[derive(Debug)]
pub(super) struct BucketSpace {
    pub(super) objects: Objects,
    pub(super) layout: Layout,
    /// The newest catalog number seen: a better hint than the stored one.
    pub(super) known: AtomicU64,
    /// The newest entry that was read and proved, and what was known of its object.
    pub(super) newest: Mutex<Option<(CatalogEntry, ObjectMeta)>>,
    cluster: OnceLock<Fingerprint>,
    /// The fingerprint as it was read.
    claimed: Mutex<Option<Owner>>,
}

impl BucketSpace {
    pub(super) const fn new(objects: Objects, layout: Layout) -> Self {
        Self {
            objects,
            layout,
            known: AtomicU64::new(0),
            newest: Mutex::new(None),
            cluster: OnceLock::new(),
            claimed: Mutex::new(None),
        }
    }

    /// Whose bucket this is, if it was made anyone's.
    pub(super) async fn owner(&self) -> Result<Option<Fingerprint>> {
        if let Some(cluster) = self.cluster.get() {
            return Ok(Some(*cluster));
        }
        let path = self.layout.fingerprint();
        let Some(bytes) = self.objects.get(&path).await? else {
            return Ok(None);
        };
        let owner: Owner = documents::decode(path.as_ref(), &bytes)?;
        let cluster = *self.cluster.get_or_init(|| owner.cluster);
        *self.claimed.lock() = Some(owner);
        Ok(Some(cluster))
    }

    /// Whether this cluster has claimed the bucket once more since this was last asked, or since it was opened: everything in
    /// it was deleted then.
    ///
    /// # Errors
    /// `Foreign`: another cluster has.
    pub(super) async fn was_claimed_anew(&self) -> Result<bool> {
        let cluster = self.cluster().await?;
        let path = self.layout.fingerprint();
        let Some(bytes) = self.objects.get(&path).await? else {
            return Ok(false);
        };
        let now: Owner = documents::decode_ours(path.as_ref(), &bytes, cluster)?;
        let before = self.claimed.lock().replace(now.clone());
        Ok(before.is_some_and(|before| before.claim != now.claim))
    }

    /// Makes it this cluster's.
    pub(super) async fn claim(&self, cluster: Fingerprint) -> Result<()> {
        let path = self.layout.fingerprint();
        if self.owner().await?.is_none() {
            self.check_whole().await?;
        }
        let mut owner = Owner {
            format: Owner::FORMAT,
            cluster,
            claim: Some(format!("{:032x}", rand::random::<u128>())),
        };
        if let Created::Theirs(bytes) = self
            .objects
            .create(&path, documents::encode(&owner))
            .await?
        {
            owner = documents::decode_ours(path.as_ref(), &bytes, cluster)?;
        }
        *self.claimed.lock() = Some(owner);
        self.cluster.get_or_init(|| cluster);
        Ok(())
    }

    /// Whose bucket this is.
    ///
    /// # Errors
    /// `NotFound` before [`Self::claim`].
    pub(super) async fn cluster(&self) -> Result<Fingerprint> {
        self.owner().await?.ok_or_else(|| {
            fail(
                ErrorKind::NotFound,
                "open bucket",
                format!(
                    "`{}` is missing: run `standfast cluster init`, or correct `url` if the cluster has snapshots",
                    self.layout.fingerprint()
                ),
            )
        })
    }

    /// Refuses what is meant for another cluster.
    pub(super) async fn check_cluster(&self, what: &str, cluster: Fingerprint) -> Result<()> {
        let ours = self.cluster().await?;
        documents::check_cluster(what, "of the call", cluster, ours)
    }

    /// The manifest of a snapshot, if it is there.
    pub(super) async fn manifest(&self, id: &SnapshotId) -> Result<Option<Manifest>> {
        let path = self.layout.manifest(id);
        let Some(bytes) = self.objects.get(&path).await? else {
            return Ok(None);
        };
        let manifest: Manifest =
            documents::decode_ours(path.as_ref(), &bytes, self.cluster().await?)?;
        if manifest.id == *id {
            return Ok(Some(manifest));
        }
        Err(fail(
            ErrorKind::Corrupt,
            "read manifest",
            format!("manifest `{path}` says it is of snapshot {}", manifest.id),
        ))
    }

    /// Creates an immutable document; says what lies there if that is another.
    pub(super) async fn create<D: Document>(
        &self,
        path: &object_store::path::Path,
        document: &D,
    ) -> Result<Option<Bytes>> {
        self.check_cluster(D::WHAT, document.cluster()).await?;
        match self
            .objects
            .create(path, documents::encode(document))
            .await?
        {
            Created::Ours => Ok(None),
            Created::Theirs(bytes) => Ok(Some(bytes)),
        }
    }
}
