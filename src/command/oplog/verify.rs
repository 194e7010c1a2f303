use std::process::ExitCode;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use standfast_core::{
    Compared, Digest, ErrorKind, Machine, Position, ReadLimit, Seq, SharedMachine,
};
use standfast_standby::{Bootstrapped, HighWater, bootstrap};

use crate::command::args::ConfigArguments;
use crate::command::offline::Offline;
use crate::command::{Failure, output};

/// What reading and replaying a log came to.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Verified {
    pub(crate) ok: bool,
    pub(crate) from: Position,
    pub(crate) replayed_from: Position,
    pub(crate) to: Position,
    pub(crate) batches: u64,
    pub(crate) entries: u64,
    pub(crate) digests_compared: u64,
    pub(crate) digest: Digest,
    pub(crate) problem: Option<String>,
}

/// The state that the log continues from: genesis while the log is complete, else the newest snapshot. What it holds
/// of the bucket is let go at once: a look at a log must not keep it from being trimmed.
async fn origin(offline: &Offline, floor: Seq) -> Result<SharedMachine, Failure> {
    let sources = offline.sources();
    if floor <= Seq(1) {
        let mut machine = sources.genesis();
        machine.pass_over(sources.oplog.skips().await?);
        return Ok(Arc::new(Mutex::new(machine)));
    }
    let Bootstrapped { machine, pin, .. } = bootstrap(&sources).await?;
    if let Some(pin) = pin {
        pin.let_go().await;
    }
    Ok(machine)
}

/// How often it begins again because the part that it was reading was trimmed meanwhile.
const TRIES: usize = 10;

pub(super) async fn run(arguments: ConfigArguments) -> Result<ExitCode, Failure> {
    let offline = super::open(&arguments).await?;
    let mut found = verify(&offline).await?;
    for _ in 1..TRIES {
        if !found.trimmed {
            break;
        }
        tracing::info!("the log was trimmed while it was read; beginning again");
        found = verify(&offline).await?;
    }
    let found = found.verified;
    output::print(arguments.output, &found, text)?;
    Ok(if found.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What one reading came to, and whether the log was trimmed under it.
struct Reading {
    verified: Verified,
    trimmed: bool,
}

async fn verify(offline: &Offline) -> Result<Reading, Failure> {
    let sources = offline.sources();
    // Read first: beside a node that runs it goes on rising.
    let known = HighWater::open(&sources.data_dir, sources.cluster)?;
    let bounds = offline.stores.oplog.bounds().await?;
    let machine = origin(offline, bounds.floor).await?;
    let from = bounds.before_floor;
    let replayed_from = machine.lock().position();
    let (replayed, error) = match read_and_replay(offline, from, &machine).await {
        Ok(replayed) => (replayed, regression(&known, &machine.lock()).err()),
        Err(error) => (Replayed::default(), Some(error)),
    };
    let (to, digest) = {
        let machine = machine.lock();
        (machine.position(), machine.digest())
    };
    let trimmed = error.as_ref().is_some_and(|error| {
        let error = error.downcast_ref::<standfast_core::Error>();
        error.is_some_and(|error| matches!(error.kind(), ErrorKind::Trimmed { .. }))
    });
    let verified = Verified {
        ok: error.is_none(),
        from,
        replayed_from,
        to,
        batches: replayed.batches,
        entries: replayed.entries,
        digests_compared: replayed.digests_compared,
        digest,
        problem: error.map(|error| error.to_string()),
    };
    Ok(Reading { verified, trimmed })
}

/// Whether the log has all that this configuration's node has seen committed.
fn regression(known: &HighWater, machine: &Machine) -> Result<(), Failure> {
    known.check(machine)?;
    let end = machine.position();
    match known.position() {
        Some(kept) if kept.seq > end.seq => Err(format!(
            "the log ends at {end}, but this node has seen {kept} committed: a part of the log was lost, unless its \
             last writer has just died; start a node, which settles the end, and verify again"
        )
        .into()),
        _ => Ok(()),
    }
}

/// What a replay came across.
#[derive(Default)]
struct Replayed {
    batches: u64,
    entries: u64,
    digests_compared: u64,
}

/// Reads what lies between the beginning of the log and the state, which must be where the log passes, then replays the
/// rest.
async fn read_and_replay(
    offline: &Offline,
    from: Position,
    machine: &SharedMachine,
) -> Result<Replayed, Failure> {
    let state = machine.lock().position();
    let before = read_to(offline, from, state).await?;
    let after = replay(offline, machine).await?;
    Ok(Replayed {
        batches: before.batches + after.batches,
        entries: before.entries + after.entries,
        digests_compared: after.digests_compared,
    })
}

/// Reads from `position` to `goal`; every checksum, chain and number is checked on the way.
async fn read_to(
    offline: &Offline,
    mut position: Position,
    goal: Position,
) -> Result<Replayed, Failure> {
    let mut found = Replayed::default();
    while position.seq < goal.seq {
        let limit = ReadLimit::default();
        let batches = offline.stores.oplog.read(position, limit).await?;
        if batches.is_empty() {
            return Err(
                format!("the log ends at {position}, before the snapshot of {goal}").into(),
            );
        }
        for batch in batches.iter().take_while(|batch| batch.last() <= goal.seq) {
            if !batch.follows(position) {
                return Err(format!("{} does not follow {position}", batch.end()).into());
            }
            for entry in batch.entries() {
                entry?;
                found.entries += 1;
            }
            found.batches += 1;
            position = batch.end();
        }
        if batches.iter().any(|batch| batch.last() > goal.seq) {
            break;
        }
    }
    if position.seq <= goal.seq && position != goal {
        return Err(format!("the snapshot is of {goal}, the log has {position} there").into());
    }
    Ok(found)
}

/// Reads to the end; every checksum, chain and number is checked on the way, and every digest compared.
async fn replay(offline: &Offline, machine: &SharedMachine) -> Result<Replayed, Failure> {
    let mut found = Replayed::default();
    loop {
        let position = machine.lock().position();
        let batches = offline
            .stores
            .oplog
            .read(position, ReadLimit::default())
            .await?;
        if batches.is_empty() {
            return Ok(found);
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
        "read {} to {}, replayed from {}: {} entries in {} batches, {} digests compared\ndigest {} at seq {}\n\
         {verdict}",
        found.from,
        found.to,
        found.replayed_from,
        found.entries,
        found.batches,
        found.digests_compared,
        found.digest,
        found.to.seq
    )
}
