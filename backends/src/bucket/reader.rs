use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use standfast_core::{ErrorKind, Manifest, PartRef, Result, SnapshotReader};

use super::error::fail;
use super::space::BucketSpace;
use super::upload::crc32c;

/// Reads one snapshot of a bucket.
#[derive(Debug)]
pub(super) struct BucketReader {
    space: Arc<BucketSpace>,
    manifest: Manifest,
}

impl BucketReader {
    pub(super) const fn new(space: Arc<BucketSpace>, manifest: Manifest) -> Self {
        Self { space, manifest }
    }

    fn damaged(&self, part: &PartRef, what: &str) -> standfast_core::Error {
        fail(
            ErrorKind::Corrupt,
            "read part",
            format!(
                "snapshot {}, part `{}`: {what}",
                self.manifest.id,
                self.space.layout.part(part)
            ),
        )
    }
}

#[async_trait]
impl SnapshotReader for BucketReader {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn read_part(&self, part: &PartRef) -> Result<Bytes> {
        let path = self.space.layout.part(part);
        let Some(bytes) = self.space.objects.get(&path).await? else {
            return Err(self.damaged(part, "it is missing"));
        };
        if bytes.len() as u64 != part.size {
            let what = format!("it has {} bytes, want {}", bytes.len(), part.size);
            return Err(self.damaged(part, &what));
        }
        let crc = crc32c(&bytes);
        if crc != part.crc32c {
            let what = format!("its CRC-32C is {crc:08x}, want {:08x}", part.crc32c);
            return Err(self.damaged(part, &what));
        }
        Ok(bytes)
    }
}
