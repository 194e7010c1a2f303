use std::process::ExitCode;

use standfast_core::{Batch, Error, FenceToken, OpLogWriter, ReadLimit, Seq, SharedMachine, Skip};
use standfast_standby::{Bootstrapped, Sources, bootstrap};

use super::arguments::SkipArguments;
use crate::command::elected::elected;
use crate::command::{Failure, output};

/// Records that an entry is passed over, if it is the one at which every node stops.
pub(super) async fn run(arguments: SkipArguments) -> Result<ExitCode, Failure> {
    let offline = super::open(&arguments.config).await?;
    offline.needs_one_log(
        "oplog skip",
        "upgrade the nodes to a version that can apply the entry",
    )?;
    let sources = offline.sources();
    let leader = sources.election.current().await?;
    if let Some(leader) = leader.filter(|leader| leader.serving) {
        return Err(format!(
            "{} leads, so it has applied every entry: upgrade the node that cannot, or repair it from a snapshot",
            leader.candidate.node
        )
        .into());
    }
    let state = bootstrap(&sources).await?;
    let skipped = replay_and_skip(&sources, &state, &arguments).await;
    if let Some(pin) = state.pin {
        pin.let_go().await;
    }
    let skip = skipped?;
    output::print(arguments.config.output, &skip, |skip| {
        format!(
            "entry {} is passed over by every node from now on; digests up to entry {} are not compared\n\
             start the nodes again",
            skip.seq, skip.through
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn replay_and_skip(
    sources: &Sources,
    state: &Bootstrapped,
    arguments: &SkipArguments,
) -> Result<Skip, Failure> {
    let wanted = Seq(arguments.seq);
    if let Some(listed) = state.listed.filter(|listed| listed.seq >= wanted) {
        return Err(format!(
            "there is a snapshot at {listed}, which holds what comes behind entry {wanted}: a node that begins with it \
             does not meet the entry"
        )
        .into());
    }
    let at_least = state.machine.lock().position().epoch;
    let leadership = elected(sources, at_least).await?;
    let token = leadership.token().clone();
    let skipped = skip(sources, &state.machine, arguments, &token).await;
    leadership.resign(None).await?;
    skipped
}

async fn skip(
    sources: &Sources,
    machine: &SharedMachine,
    arguments: &SkipArguments,
    token: &FenceToken,
) -> Result<Skip, Failure> {
    let mut writer = sources.oplog.open_writer(token).await?;
    let wanted = arguments.seq;
    let Some(stop) = first_stop(&mut *writer, machine).await? else {
        return Err(format!("every entry up to {} can be applied", writer.tail()).into());
    };
    if stop.seq != Seq(wanted) {
        return Err(format!(
            "entry {wanted} is not what nodes stop at, {} is: {}",
            stop.seq, stop.error
        )
        .into());
    }
    let skip = Skip {
        seq: stop.seq,
        batch: stop.batch.end(),
        through: writer.tail().seq,
        epoch: token.epoch,
        node: sources.candidate.node.clone(),
        reason: arguments.reason.clone(),
    };
    sources.oplog.skip(token, &skip).await?;
    Ok(skip)
}

/// Where every node stops.
struct Stop {
    batch: Batch,
    seq: Seq,
    error: Error,
}

async fn first_stop(
    writer: &mut dyn OpLogWriter,
    machine: &SharedMachine,
) -> Result<Option<Stop>, Failure> {
    loop {
        let position = machine.lock().position();
        let batches = writer.settled(position, ReadLimit::default()).await?;
        if batches.is_empty() {
            return Ok(None);
        }
        for batch in batches {
            let mut machine = machine.lock();
            if let Err(error) = machine.apply_batch(&batch) {
                let seq = machine.applied().next();
                return Ok(Some(Stop { batch, seq, error }));
            }
        }
    }
}
