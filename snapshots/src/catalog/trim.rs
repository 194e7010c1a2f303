use standfast_core::{Result, Seq};

use super::cataloguer::Cataloguer;

impl Cataloguer {
    /// How far the log may be trimmed: to the oldest of the newest `min_verified` verified snapshots whose manifests can
    /// still be read, and not beyond what a pin needs. `None` when there are not enough. Trim with [`super::PinGuard`],
    /// which asks for the pins again after the floor was written (R8).
    ///
    /// # Errors
    /// Those of the store.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    pub async fn trim_through(&self) -> Result<Option<Seq>> {
        let Some(entry) = self.store.newest().await? else {
            return Ok(None);
        };
        let mut left = self.policy.min_verified;
        let mut through = None;
        for listed in entry.snapshots.iter().rev().filter(|l| l.verified) {
            match self.store.open(&listed.id).await {
                Ok(_) => {}
                Err(error) if error.retry() => return Err(error),
                Err(error) => {
                    tracing::error!(%error, snapshot = %listed.id, "a verified snapshot is damaged");
                    continue;
                }
            }
            left -= 1;
            if left == 0 {
                through = Some(listed.position.seq);
                break;
            }
        }
        let Some(through) = through else {
            return Ok(None);
        };
        let pins = self.store.pins().await?;
        let pinned = pins.iter().map(|pin| pin.seq).min();
        Ok(Some(pinned.map_or(through, |pinned| pinned.min(through))))
    }
}
