use std::process::ExitCode;

use serde::Serialize;
use standfast_core::{Epoch, NodeId, OpLogCapabilities, Position, ReadLimit, Seq};

use crate::command::args::ConfigArguments;
use crate::command::offline::Offline;
use crate::command::{Failure, output};

#[derive(Serialize)]
struct Inspected {
    backend: String,
    floor: Seq,
    tail: Position,
    epoch: Epoch,
    batches: u64,
    entries: u64,
    bytes: u64,
    terms: Vec<Term>,
    capabilities: OpLogCapabilities,
}

#[derive(Serialize)]
struct Term {
    epoch: Epoch,
    first: Seq,
    node: NodeId,
    unclean: bool,
}

pub(super) async fn run(arguments: ConfigArguments) -> Result<ExitCode, Failure> {
    let offline = Offline::open(&arguments).await?;
    let oplog = &offline.stores.oplog;
    let bounds = oplog.bounds().await?;
    let mut found = Inspected {
        backend: oplog.name().to_owned(),
        floor: bounds.floor,
        tail: bounds.tail,
        epoch: bounds.epoch,
        batches: 0,
        entries: 0,
        bytes: 0,
        terms: Vec::new(),
        capabilities: oplog.capabilities(),
    };
    let mut position = bounds.before_floor;
    loop {
        let batches = oplog.read(position, ReadLimit::default()).await?;
        let Some(last) = batches.last() else { break };
        position = last.end();
        for batch in &batches {
            found.batches += 1;
            found.entries += batch.len() as u64;
            found.bytes += batch.frame().len() as u64;
            if let Some(start) = batch.epoch_start()? {
                found.terms.push(Term {
                    epoch: start.epoch,
                    first: batch.first(),
                    node: start.node,
                    unclean: start.unclean,
                });
            }
        }
    }
    output::print(arguments.output, &found, table)?;
    Ok(ExitCode::SUCCESS)
}

fn table(found: &Inspected) -> String {
    let mut table = output::table(&["term", "first entry", "led by", ""]);
    for term in &found.terms {
        let note = if term.unclean {
            "unclean: history was given up"
        } else {
            ""
        };
        table.add_row([
            term.epoch.to_string(),
            term.first.to_string(),
            term.node.to_string(),
            note.to_owned(),
        ]);
    }
    format!(
        "log of type {}: entries {} to {}, highest epoch {}\n{} entries in {} batches, {} bytes\n{table}",
        found.backend,
        found.floor,
        found.tail.seq,
        found.epoch,
        found.entries,
        found.batches,
        found.bytes
    )
}
