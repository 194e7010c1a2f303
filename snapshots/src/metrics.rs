//! What can be watched. Every metric begins with `standfast_snapshot_`.

use std::time::Duration;

use standfast_core::{CatalogEntry, Manifest, Result};

/// A snapshot was proposed, or not.
pub(crate) fn published(result: &Result<Manifest>, took: Duration) {
    match result {
        Ok(manifest) => {
            metrics::counter!("standfast_snapshot_published_total").increment(1);
            metrics::gauge!("standfast_snapshot_position_seq").set(float(manifest.position.seq.0));
            metrics::gauge!("standfast_snapshot_bytes").set(float(manifest.bytes()));
            metrics::gauge!("standfast_snapshot_rows").set(float(manifest.rows()));
            metrics::histogram!("standfast_snapshot_duration_seconds").record(took);
        }
        Err(error) => failed("publish", error),
    }
}

/// The state was locked for so long, to read a few of its rows.
pub(crate) fn locked(held: Duration) {
    metrics::histogram!("standfast_snapshot_lock_seconds").record(held);
}

/// Something about snapshots failed; `what` is publish, prove, restore, pin, catalog.
pub(crate) fn failed(what: &'static str, error: &standfast_core::Error) {
    metrics::counter!(
        "standfast_snapshot_failures_total",
        "what" => what,
        "kind" => error.kind().name()
    )
    .increment(1);
}

/// A snapshot was read back and attested.
pub(crate) fn proved(took: Duration) {
    metrics::counter!("standfast_snapshot_proved_total").increment(1);
    metrics::histogram!("standfast_snapshot_prove_duration_seconds").record(took);
}

/// A snapshot was restored.
pub(crate) fn restored(manifest: &Manifest, took: Duration) {
    metrics::counter!("standfast_snapshot_restores_total").increment(1);
    metrics::gauge!("standfast_snapshot_restored_seq").set(float(manifest.position.seq.0));
    metrics::histogram!("standfast_snapshot_restore_duration_seconds").record(took);
}

/// The leader looked at the catalog.
pub(crate) fn catalog(entry: &CatalogEntry) {
    metrics::gauge!("standfast_snapshot_catalog_number").set(float(entry.number));
    metrics::gauge!("standfast_snapshot_listed").set(float(entry.snapshots.len() as u64));
    let verified = entry.snapshots.iter().rev().find(|listed| listed.verified);
    let seq = verified.map_or(0, |listed| listed.position.seq.0);
    metrics::gauge!("standfast_snapshot_verified_seq").set(float(seq));
}

/// Objects were deleted.
pub(crate) fn collected(objects: u64) {
    metrics::counter!("standfast_snapshot_collected_total").increment(objects);
}

#[expect(
    clippy::cast_precision_loss,
    reason = "gauges are f64; a Seq beyond 2^53 would take a thousand years"
)]
const fn float(value: u64) -> f64 {
    value as f64
}
