use standfast_core::{CatalogEntry, Pin, Result};

use super::cataloguer::Cataloguer;
use crate::metrics;

impl Cataloguer {
    /// Deletes what a won entry no longer refers to, and what holders that died have left.
    pub(super) async fn collect(&self, entry: &CatalogEntry) -> Result<u64> {
        let collected = match self.live_pins().await {
            Ok(_) => self.store.collect(entry).await,
            Err(error) => Err(error),
        };
        match &collected {
            Ok(objects) => metrics::collected(*objects),
            Err(error) => metrics::failed("collect", error),
        }
        collected
    }

    /// The pins there are, without those that were abandoned: these are taken away.
    pub(super) async fn live_pins(&self) -> Result<Vec<Pin>> {
        let mut live = Vec::new();
        for pin in self.store.pins().await? {
            if pin.age > self.policy.pin_expiry.0 {
                tracing::warn!(snapshot = %pin.snapshot, holder = pin.holder, "abandoned pin taken away");
                self.store.unpin(&pin.snapshot, &pin.holder).await?;
            } else {
                live.push(pin);
            }
        }
        Ok(live)
    }
}
