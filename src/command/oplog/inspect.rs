use std::process::ExitCode;

use serde::Serialize;
use standfast_core::{
    Batch, Epoch, ErrorKind, NodeId, OpLogCapabilities, OpLogStore, Position, ReadLimit, Seq, Skip,
};

use crate::command::args::ConfigArguments;
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
    /// Entries that every node passes over.
    skips: Vec<Skip>,
    capabilities: OpLogCapabilities,
}

#[derive(Serialize)]
struct Term {
    epoch: Epoch,
    /// Its first entry that the log holds.
    first: Seq,
    /// Who led; not known when the beginning of the term was trimmed.
    node: Option<NodeId>,
    unclean: bool,
    trimmed: bool,
}

impl Term {
    /// The term that a batch begins, or that it is the first left of.
    fn begins(batch: &Batch, before: Option<&Self>) -> standfast_core::Result<Option<Self>> {
        let start = batch.epoch_start()?;
        if start.is_none() && before.is_some_and(|before| before.epoch == batch.epoch()) {
            return Ok(None);
        }
        Ok(Some(Self {
            epoch: batch.epoch(),
            first: batch.first(),
            unclean: start.as_ref().is_some_and(|start| start.unclean),
            trimmed: start.is_none(),
            node: start.map(|start| start.node),
        }))
    }
}

pub(super) async fn run(arguments: ConfigArguments) -> Result<ExitCode, Failure> {
    let offline = super::open(&arguments).await?;
    let found = loop {
        match look(&*offline.stores.oplog).await {
            // By a leader, meanwhile: from where it begins now.
            Err(error) if matches!(error.kind(), ErrorKind::Trimmed { .. }) => {}
            found => break found?,
        }
    };
    output::print(arguments.output, &found, table)?;
    Ok(ExitCode::SUCCESS)
}

async fn look(oplog: &dyn OpLogStore) -> standfast_core::Result<Inspected> {
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
        skips: oplog.skips().await?,
        capabilities: oplog.capabilities(),
    };
    let mut position = bounds.before_floor;
    loop {
        let batches = oplog.read(position, ReadLimit::default()).await?;
        let Some(last) = batches.last() else {
            return Ok(found);
        };
        position = last.end();
        for batch in &batches {
            found.batches += 1;
            found.entries += batch.len() as u64;
            found.bytes += batch.frame().len() as u64;
            let term = Term::begins(batch, found.terms.last())?;
            found.terms.extend(term);
        }
    }
}

fn table(found: &Inspected) -> String {
    let mut table = output::table(&["term", "first entry", "led by", ""]);
    for term in &found.terms {
        let note = match (term.unclean, term.trimmed) {
            (true, _) => "unclean: history was given up",
            (false, true) => "its beginning was trimmed",
            (false, false) => "",
        };
        table.add_row([
            term.epoch.to_string(),
            term.first.to_string(),
            term.node
                .as_ref()
                .map_or_else(|| "-".to_owned(), NodeId::to_string),
            note.to_owned(),
        ]);
    }
    let skips = found.skips.iter().map(|skip| {
        let (seq, node, reason) = (skip.seq, &skip.node, &skip.reason);
        format!("\nentry {seq} is passed over, said at {node}: {reason}")
    });
    let skips: String = skips.collect();
    let entries = if found.floor > found.tail.seq {
        format!("no entry, behind {}", found.tail)
    } else {
        format!("entries {} to {}", found.floor, found.tail.seq)
    };
    format!(
        "log of type {}: {entries}, highest epoch {}\n{} entries in {} batches, {} bytes\n{table}{skips}",
        found.backend, found.epoch, found.entries, found.batches, found.bytes
    )
}
