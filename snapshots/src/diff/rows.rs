use std::collections::BTreeMap;
use std::sync::Arc;

use standfast_core::{Bucket, Error, ErrorKind, MachineRestore, Result, Section, SnapshotReader};

use super::sections::BucketsOf;

/// The rows of a snapshot, bucket by bucket: those of its base, with what its layers changed.
pub(super) struct RowsOf {
    /// The newest first.
    layers: Vec<BucketsOf>,
    base: BucketsOf,
}

impl RowsOf {
    pub(super) fn new(reader: &Arc<dyn SnapshotReader>) -> Self {
        let manifest = reader.manifest();
        let mut rest = &manifest.parts[..];
        let mut layers = Vec::new();
        for layer in &manifest.layers {
            let (parts, older) = rest.split_at_checked(layer.parts).unwrap_or((rest, &[]));
            layers.push(BucketsOf::new(Arc::clone(reader), parts));
            rest = older;
        }
        Self {
            layers,
            base: BucketsOf::new(Arc::clone(reader), rest),
        }
    }

    /// Which bucket comes next.
    pub(super) async fn peek(&mut self) -> Result<Option<Bucket>> {
        let mut next = self.base.peek().await?;
        for layer in &mut self.layers {
            next = [next, layer.peek().await?].into_iter().flatten().min();
        }
        Ok(next)
    }

    /// The rows of `bucket` by key, if it comes next.
    pub(super) fn take(
        &mut self,
        empty: &MachineRestore,
        bucket: Bucket,
    ) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
        let section = Section::of_bucket(bucket);
        let mut found = BTreeMap::new();
        let mut keep = |key: &[u8], row: Option<&[u8]>| {
            let row = row.map(<[u8]>::to_vec);
            found.entry(key.to_vec()).or_insert(row);
        };
        let mut complete = false;
        for layer in &mut self.layers {
            let changes = layer.take(bucket);
            if !changes.is_empty() && !complete {
                let told = empty.each_change(section, &changes, &mut keep)?;
                complete = told.ok_or_else(cannot_tell)?;
            }
        }
        let rows = self.base.take(bucket);
        if !rows.is_empty() && !complete {
            let told = empty.each_row(section, &rows, &mut |key, row| keep(key, Some(row)))?;
            told.then_some(()).ok_or_else(cannot_tell)?;
        }
        let there = found.into_iter().filter_map(|(key, row)| Some((key, row?)));
        Ok(there.collect())
    }
}

fn cannot_tell() -> Error {
    Error::new(ErrorKind::Unsupported, "compare snapshots").context(
        "the service does not tell its rows apart: it has no `each_row` or no `each_change`",
    )
}
