use std::sync::Arc;

use standfast_core::{
    ATTESTATION_FORMAT, Attestation, MachineRestore, Manifest, Result, RowSum, SnapshotId,
    SnapshotReader,
};

use super::fill::{self, DigestSink, StateSink};
use crate::metrics;
use crate::publish::Publisher;

impl Publisher {
    /// Reads a snapshot back from the store, compares its digest and attests it: the leader then lists it as
    /// verified.
    ///
    /// A snapshot of a service whose shadow state implements `digest_rows` is verified in `policy.memory`. One with layers
    /// needs `each_row` and `each_change` too, and 8 bytes for each key that changed. Otherwise the snapshot is restored into
    /// a scratch state, which takes as much memory as the state itself: do that on a standby, or on a machine with room.
    ///
    /// # Errors
    /// `Corrupt` naming the part, or with both digests; those of the store.
    ///
    /// # Durability
    /// The attestation is durable on `Ok`.
    ///
    /// # Cancel safety
    /// Cancel safe: an attestation may have been written.
    pub async fn prove(
        &self,
        id: &SnapshotId,
        empty: impl Fn() -> MachineRestore + Send + Sync,
    ) -> Result<Attestation> {
        let started = tokio::time::Instant::now();
        let proved = self.read_and_attest(id, &empty).await;
        match &proved {
            Ok(_) => metrics::proved(started.elapsed()),
            Err(error) => metrics::failed("prove", error),
        }
        proved
    }

    async fn read_and_attest(
        &self,
        id: &SnapshotId,
        empty: &(dyn Fn() -> MachineRestore + Send + Sync),
    ) -> Result<Attestation> {
        let manifest = self.read_back(id, empty).await?;
        self.attest(&manifest).await
    }

    /// The same without saying so: writes nothing.
    ///
    /// # Errors
    /// As [`Self::prove`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn read_back(
        &self,
        id: &SnapshotId,
        empty: &(dyn Fn() -> MachineRestore + Send + Sync),
    ) -> Result<Manifest> {
        let reader: Arc<dyn SnapshotReader> = Arc::from(self.store().open(id).await?);
        let manifest = reader.manifest().clone();
        if !self.proved_by_sum(&reader, empty).await? {
            let sink = StateSink(empty());
            let sink = fill::fill(&reader, sink, self.policy(), &|_| {}).await?;
            drop(fill::finish(sink, &manifest).await?);
        }
        Ok(manifest)
    }

    /// Says of a snapshot that was read back that it is good.
    ///
    /// # Errors
    /// Those of the store.
    ///
    /// # Durability
    /// The attestation is durable on `Ok`.
    ///
    /// # Cancel safety
    /// Cancel safe: it may have been written.
    pub async fn attest(&self, manifest: &Manifest) -> Result<Attestation> {
        let attestation = Attestation {
            format: ATTESTATION_FORMAT,
            cluster: manifest.cluster,
            snapshot: manifest.id.clone(),
            holder: self.node().clone(),
            digest: manifest.digest,
        };
        self.store().attest(&attestation).await?;
        Ok(attestation)
    }

    /// Whether the digests of the rows add up; false when the service cannot tell.
    async fn proved_by_sum(
        &self,
        reader: &Arc<dyn SnapshotReader>,
        empty: &(dyn Fn() -> MachineRestore + Send + Sync),
    ) -> Result<bool> {
        let sum = RowSum::new(empty());
        if !sum.probe()? {
            return Ok(false);
        }
        let sink = fill::fill(reader, DigestSink(sum), self.policy(), &|_| {}).await?;
        sink.0.finish(reader.manifest())
    }
}
