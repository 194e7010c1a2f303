use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;
use standfast_core::{Error, ErrorKind, SnapshotId, SnapshotStore};
use standfast_snapshots::{Change, Difference, diff};

use super::args::{DiffArguments, Output};
use super::offline::Offline;
use super::{Failure, output, snapshot};

#[derive(Serialize)]
struct Compared {
    older: SnapshotId,
    newer: SnapshotId,
    #[serde(flatten)]
    counts: Difference,
}

#[derive(Serialize)]
struct Line<'a> {
    change: Change,
    tenant: &'a str,
    key: &'a str,
    /// The key's bytes, when they are no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_hex: Option<String>,
}

/// Prints each key as it is found: there may be millions.
pub(super) async fn run(arguments: DiffArguments) -> Result<ExitCode, Failure> {
    let sources = Offline::open(&arguments.config).await?.sources();
    let store = snapshot::store(&sources)?;
    let older = named(store, arguments.older).await?;
    let newer = named(store, arguments.newer).await?;
    let empty = sources.genesis().begin_restore();
    let form = arguments.config.output;
    let mut failure = None;
    let each = |change, key: &[u8]| {
        if !arguments.keys {
            return Ok(());
        }
        print_key(form, change, key).map_err(|error| {
            failure = Some(error);
            Error::new(ErrorKind::Cancelled, "print")
        })
    };
    let counts = diff(&**store, (&older, &newer), empty, each).await;
    if let Some(failure) = failure {
        return Err(failure);
    }
    let counts = counts?;
    let compared = Compared {
        older,
        newer,
        counts,
    };
    match form {
        // One a line, as the keys are.
        Output::Json if arguments.keys => output::line(serde_json::to_string(&compared)?)?,
        _ => output::print(form, &compared, describe)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn named(store: &Arc<dyn SnapshotStore>, name: String) -> Result<SnapshotId, Failure> {
    if name != "latest" {
        return Ok(SnapshotId(name));
    }
    let entry = snapshot::newest(store).await?;
    let newest = entry.newest().expect("an entry that lists something");
    Ok(newest.id.clone())
}

fn print_key(form: Output, change: Change, qualified: &[u8]) -> Result<(), Failure> {
    let at = qualified.iter().position(|byte| *byte == 0);
    let (tenant, key) = qualified.split_at(at.unwrap_or(0));
    let key = key.strip_prefix(b"\0").unwrap_or(key);
    let line = Line {
        change,
        tenant: &String::from_utf8_lossy(tenant),
        key: &String::from_utf8_lossy(key),
        key_hex: std::str::from_utf8(key).is_err().then(|| hex::encode(key)),
    };
    let line = match form {
        Output::Json => serde_json::to_string(&line)?,
        Output::Table => format!("{:<8} {} {}", name(change), line.tenant, line.key),
    };
    output::line(line)
}

const fn name(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
    }
}

fn describe(compared: &Compared) -> String {
    let Difference {
        added,
        removed,
        changed,
        same,
    } = compared.counts;
    format!(
        "from {} to {}: {added} objects added, {removed} removed, {changed} changed, {same} the same",
        compared.older, compared.newer
    )
}
