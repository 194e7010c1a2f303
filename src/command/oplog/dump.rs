use std::process::ExitCode;

use serde::Serialize;
use standfast_core::{Entry, Epoch, EpochStart, OpType, ReadLimit, Seq};

use super::arguments::DumpArguments;
use crate::command::args::Output;
use crate::command::{Failure, output};

#[derive(Serialize)]
struct Dumped {
    seq: Seq,
    epoch: Epoch,
    timestamp_ms: u64,
    op_type: u8,
    session: String,
    request: u64,
    item: u32,
    key: String,
    key_hex: String,
    op: String,
}

pub(super) async fn run(arguments: DumpArguments) -> Result<ExitCode, Failure> {
    let offline = super::open(&arguments.config).await?;
    let oplog = &offline.stores.oplog;
    let mut position = oplog.bounds().await?.before_floor;
    let mut left = arguments.limit;
    while left > 0 {
        let batches = oplog.read(position, ReadLimit::default()).await?;
        let Some(last) = batches.last() else { break };
        position = last.end();
        for batch in &batches {
            for entry in batch.entries() {
                let entry = entry?;
                if entry.seq < Seq(arguments.from) || left == 0 {
                    continue;
                }
                left -= 1;
                print(arguments.config.output, batch.epoch(), &entry)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(form: Output, epoch: Epoch, entry: &Entry<'_>) -> Result<(), Failure> {
    let dumped = Dumped {
        seq: entry.seq,
        epoch,
        timestamp_ms: entry.timestamp_ms,
        op_type: entry.op_type.0,
        session: entry.id.session.to_string(),
        request: entry.id.request.0,
        item: entry.id.item,
        key: String::from_utf8_lossy(&entry.key).replace('\0', "/"),
        key_hex: hex::encode(&entry.key),
        op: describe(entry),
    };
    output::line(match form {
        Output::Json => serde_json::to_string(&dumped)?,
        Output::Table => format!(
            "{:>10} {:>4} {:>14} {:<8} {} {}",
            dumped.seq, dumped.epoch, dumped.timestamp_ms, dumped.request, dumped.key, dumped.op
        ),
    })
}

fn describe(entry: &Entry<'_>) -> String {
    if entry.op_type == OpType::EPOCH_START {
        return match EpochStart::decode(&entry.payload) {
            Ok(start) => format!("EpochStart by {} after {}", start.node, start.previous),
            Err(error) => error.to_string(),
        };
    }
    match standfast_metadata::Op::decode(entry) {
        Ok(op) => format!("{op:?}"),
        Err(error) => error.to_string(),
    }
}
