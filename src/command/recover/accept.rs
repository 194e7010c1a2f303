use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use standfast::node::DataDirLock;
use standfast_core::{Epoch, NodeId, Position, SnapshotId};
use standfast_standby::{Accepted, ColdStart, HighWater, Sources, accept_loss, cold_start};

use super::plan::LostEntries;
use crate::command::args::RecoverArguments;
use crate::command::confirm::confirm;
use crate::command::elected::elected;
use crate::command::offline::Offline;
use crate::command::recovery_bar::RecoveryBar;
use crate::command::{Failure, output};

/// What was given up, as printed and as kept in `data_dir/accepted-loss-{epoch}.json`, for people: no program reads it.
///
/// ```text
///   {"format": "standfast-accepted-loss", "version": 1, "node": "node-a", "epoch": 9, "lost": {"from_seq": 4712, ..}, ..}
/// ```
#[derive(Serialize)]
struct Record {
    format: &'static str,
    version: u32,
    node: NodeId,
    /// The unclean term; of the present leader when the cluster had gone on already.
    epoch: Epoch,
    lost: LostEntries,
    /// What this node had seen committed.
    high_water: Option<Position>,
    /// End of the history that goes on.
    goes_on_behind: Position,
    retired_snapshots: Vec<SnapshotId>,
    log_begun_anew: bool,
}

/// What is printed when nothing had to be given up.
#[derive(Serialize)]
struct NothingLost {
    lost: Option<LostEntries>,
}

pub(super) async fn run(arguments: RecoverArguments) -> Result<ExitCode, Failure> {
    let offline = Offline::open(&arguments.config).await?;
    offline.needs_one_log(
        "recover --accept-loss",
        "bring the node back whose log is complete, as `standfast serve` names it; if its disk is gone for good, begin in a new \
         place with `standfast snapshot export` and `import`",
    )?;
    let sources = offline.sources();
    let _lock = DataDirLock::take(&sources.data_dir)
        .map_err(|error| error.context("stop the node first"))?;
    let mut known = HighWater::open(&sources.data_dir, sources.cluster)?;
    let high_water = known.position();
    let bar = RecoveryBar::new();
    let mut cold = cold_start(&sources, &mut known, &bar.tell()).await?;
    drop(bar);
    let outcome = decide(&arguments, &sources, &mut cold, &mut known).await;
    if let Some(pin) = cold.state.pin.take() {
        pin.let_go().await;
    }
    let Some(accepted) = outcome? else {
        let nothing = NothingLost { lost: None };
        output::print(arguments.config.output, &nothing, |_| {
            "nothing that is known committed is missing: start the nodes".to_owned()
        })?;
        return Ok(ExitCode::SUCCESS);
    };
    let record = Record {
        format: "standfast-accepted-loss",
        version: 1,
        node: sources.candidate.node.clone(),
        epoch: accepted.start.epoch,
        lost: LostEntries::from(&accepted.lost),
        high_water,
        goes_on_behind: accepted.previous,
        retired_snapshots: accepted.retired,
        log_begun_anew: accepted.begun_anew,
    };
    keep(&sources, &record)?;
    output::print(arguments.config.output, &record, text)?;
    Ok(ExitCode::SUCCESS)
}

async fn decide(
    arguments: &RecoverArguments,
    sources: &Sources,
    cold: &mut ColdStart,
    known: &mut HighWater,
) -> Result<Option<Accepted>, Failure> {
    let Some(lost) = cold.lost(known) else {
        return Ok(None);
    };
    let what = LostEntries::from(&lost).text();
    let leader = sources.election.current().await?;
    let leader = leader.filter(|leader| leader.serving);
    if let (Some(leader), Some(error)) = (&leader, &cold.broken) {
        let node = &leader.candidate.node;
        return Err(format!("{node} leads, so the log cannot be given up: {error}").into());
    }
    if !arguments.yes {
        let what = format!(
            "this gives up {what}\nfor good; the history goes on behind {}",
            cold.end()
        );
        confirm(&what, "nothing was given up")?;
    }
    if let Some(leader) = leader {
        // The others have gone on. What this node knows beyond is in nobody's way but its own.
        known.give_up(leader.epoch);
        let mut start = cold.end();
        start.epoch = leader.epoch;
        return Ok(Some(Accepted {
            lost,
            previous: cold.end(),
            start,
            retired: Vec::new(),
            begun_anew: false,
        }));
    }
    let at_least = cold.end().epoch;
    let highest = known.highest().map(|highest| highest.epoch);
    let leadership = elected(sources, at_least.max(highest.unwrap_or_default())).await?;
    let accepted = accept_loss(sources, cold, known, &*leadership).await;
    leadership.resign(None).await?;
    Ok(accepted?)
}

fn keep(sources: &Sources, record: &Record) -> Result<(), Failure> {
    let path = sources
        .data_dir
        .join(format!("accepted-loss-{}.json", record.epoch));
    let text = serde_json::to_string_pretty(record)? + "\n";
    let written = write_durably(&path, &sources.data_dir, text.as_bytes());
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(())
}

fn write_durably(path: &Path, folder: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}

fn text(record: &Record) -> String {
    let log = if record.log_begun_anew {
        "; the log begins anew there, and what it held is kept aside"
    } else {
        ""
    };
    format!(
        "gave up {}\nthe history goes on behind {} with epoch {}{log}; {} snapshots are not listed any more\n\
         start the nodes: each that had seen more says so, and begins again or names what to run with its configuration",
        record.lost.text(),
        record.goes_on_behind,
        record.epoch,
        record.retired_snapshots.len()
    )
}
