use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;
use standfast_core::{Epoch, Listed, Manifest, SnapshotId, SnapshotStore};

use super::args::ConfigArguments;
use super::offline::Offline;
use super::snapshot::store;
use super::{Failure, output};

#[derive(Serialize)]
struct Catalog {
    number: u64,
    epoch: Epoch,
    snapshots: Vec<Line>,
}

/// A snapshot of the catalog, with what its manifest says of layers; nothing when that cannot be read.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    listed: Listed,
    base: Option<SnapshotId>,
    layers: Option<usize>,
    own_bytes: Option<u64>,
}

impl Line {
    async fn of(store: &Arc<dyn SnapshotStore>, listed: Listed) -> Self {
        let manifest = match store.open(&listed.id).await {
            Ok(reader) => Some(reader.manifest().clone()),
            Err(error) => {
                tracing::warn!(%error, snapshot = %listed.id, "manifest not read");
                None
            }
        };
        Self {
            listed,
            layers: manifest.as_ref().map(|manifest| manifest.layers.len()),
            own_bytes: manifest.as_ref().map(Manifest::own_bytes),
            base: manifest.and_then(|manifest| manifest.base),
        }
    }

    fn cells(&self) -> [String; 8] {
        let unknown = || "?".to_owned();
        [
            self.listed.id.to_string(),
            self.listed.position.seq.to_string(),
            self.listed.rows.to_string(),
            self.listed.bytes.to_string(),
            self.layers
                .map_or_else(unknown, |layers| layers.to_string()),
            self.own_bytes.map_or_else(unknown, |own| own.to_string()),
            if self.listed.verified { "yes" } else { "no" }.to_owned(),
            self.listed.digest.to_string(),
        ]
    }
}

pub(super) async fn run(arguments: ConfigArguments) -> Result<ExitCode, Failure> {
    let sources = Offline::open(&arguments).await?.sources();
    let store = store(&sources)?;
    let entry = store.newest().await?;
    let mut catalog = Catalog {
        number: entry.as_ref().map_or(0, |entry| entry.number),
        epoch: entry.as_ref().map_or(Epoch::ZERO, |entry| entry.epoch),
        snapshots: Vec::new(),
    };
    for listed in entry.map(|entry| entry.snapshots).unwrap_or_default() {
        catalog.snapshots.push(Line::of(store, listed).await);
    }
    output::print(arguments.output, &catalog, |catalog| {
        let columns = [
            "snapshot",
            "seq",
            "rows",
            "bytes",
            "layers",
            "own bytes",
            "verified",
            "digest",
        ];
        let mut table = output::table(&columns);
        for line in &catalog.snapshots {
            table.add_row(line.cells());
        }
        format!(
            "catalog entry {} of epoch {}\n{table}",
            catalog.number, catalog.epoch
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
