use std::process::ExitCode;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use standfast_core::{Compared, Digest, Position, ReadLimit, Seq, SharedMachine};
use standfast_standby::bootstrap;

use super::Offline;
use crate::command::args::ConfigArguments;
use crate::command::{Failure, output};

#[derive(Serialize)]
struct Verified {
    ok: bool,
    from: Position,
    to: Position,
    batches: u64,
    entries: u64,
    digests_compared: u64,
    digest: Digest,
    problem: Option<String>,
}

/// The state that the log continues from: genesis while the log is complete, else the newest snapshot.
pub(super) async fn origin(offline: &Offline, floor: Seq) -> Result<SharedMachine, Failure> {
    let sources = offline.sources();
    if floor <= Seq(1) {
        return Ok(Arc::new(Mutex::new(sources.genesis())));
    }
    Ok(bootstrap(&sources).await?.machine)
}

pub(super) async fn run(arguments: ConfigArguments) -> Result<ExitCode, Failure> {
    let offline = Offline::open(&arguments).await?;
    let bounds = offline.stores.oplog.bounds().await?;
    let machine = origin(&offline, bounds.floor).await?;
    let from = machine.lock().position();
    let mut found = Verified {
        ok: true,
        from,
        to: from,
        batches: 0,
        entries: 0,
        digests_compared: 0,
        digest: Digest::default(),
        problem: None,
    };
    if let Err(error) = replay(&offline, &machine, &mut found).await {
        found.ok = false;
        found.problem = Some(error.to_string());
    }
    found.to = machine.lock().position();
    found.digest = machine.lock().digest();
    output::print(arguments.output, &found, text)?;
    Ok(if found.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Reads to the end; every checksum, chain and number is checked on the way, and every digest compared.
async fn replay(
    offline: &Offline,
    machine: &SharedMachine,
    found: &mut Verified,
) -> Result<(), Failure> {
    loop {
        let position = machine.lock().position();
        let batches = offline
            .stores
            .oplog
            .read(position, ReadLimit::default())
            .await?;
        if batches.is_empty() {
            return Ok(());
        }
        for batch in &batches {
            let applied = machine.lock().apply_batch(batch)?;
            found.batches += 1;
            found.entries += batch.len() as u64;
            match applied.compared {
                Compared::Not => {}
                Compared::Equal(_) => found.digests_compared += 1,
                Compared::Differs { seq, ours, theirs } => {
                    return Err(format!(
                        "replaying to seq {seq} gives digest {ours}, the primary had {theirs}"
                    )
                    .into());
                }
            }
        }
    }
}

fn text(found: &Verified) -> String {
    let verdict = match &found.problem {
        None => "OK".to_owned(),
        Some(problem) => format!("NOT OK: {problem}"),
    };
    format!(
        "read {} to {}: {} entries in {} batches, {} digests compared\ndigest {} at seq {}\n{verdict}",
        found.from,
        found.to,
        found.entries,
        found.batches,
        found.digests_compared,
        found.digest,
        found.to.seq
    )
}
