use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use standfast_core::{ErrorKind, PartRef, Result, Section, SnapshotUpload, UploadId};

use super::error::fail;
use super::objects::Created;
use super::space::BucketSpace;

/// An upload into a bucket.
#[derive(Debug)]
pub(super) struct BucketUpload {
    space: Arc<BucketSpace>,
    id: UploadId,
}

impl BucketUpload {
    pub(super) const fn new(space: Arc<BucketSpace>, id: UploadId) -> Self {
        Self { space, id }
    }
}

#[async_trait]
impl SnapshotUpload for BucketUpload {
    fn id(&self) -> &UploadId {
        &self.id
    }

    async fn put_part(
        &self,
        bytes: Bytes,
        rows: u64,
        sections: (Section, Section),
    ) -> Result<PartRef> {
        let part = PartRef {
            upload: self.id.clone(),
            blake3: blake3::hash(&bytes).to_hex().to_string(),
            size: bytes.len() as u64,
            crc32c: crc32c(&bytes),
            rows,
            first_section: sections.0.number(),
            last_section: sections.1.number(),
        };
        let path = self.space.layout.part(&part);
        match self.space.objects.create(&path, bytes).await? {
            Created::Ours => Ok(part),
            Created::Theirs(there) => Err(fail(
                ErrorKind::Corrupt,
                "put part",
                format!(
                    "`{path}` is there with other {} bytes than its name says",
                    there.len()
                ),
            )),
        }
    }
}

/// CRC-32C of stored bytes.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes);
    u32::try_from(crc).expect("a 32-bit checksum")
}
