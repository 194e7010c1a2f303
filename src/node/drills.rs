use std::sync::Arc;
use std::time::Duration;

use standfast_core::{BootInstant, Error, ErrorKind, Result, Role, Seq, wall_clock_ms};
use standfast_standby::{Drilled, drill};
use tokio::time::{Instant, sleep_until};

use super::shared::Shared;

/// After a drill that did not go well the next comes in this part of `every`.
const AFTER_FAILURE: u32 = 10;
/// While there is nothing yet that a drill could prove it is tried again this soon.
const UNTIL_SOMETHING: Duration = Duration::from_secs(30);

/// What this node's drills came to.
#[derive(Debug, Default)]
pub(crate) struct Drills {
    /// The last that went well.
    pub(crate) proved: Option<Proved>,
    /// Why the last one did not go well; `None` when it did.
    pub(crate) problem: Option<String>,
}

/// A drill that went well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proved {
    /// Up to this entry the recovered state was proved to be the primary's.
    pub(crate) seq: Seq,
    /// When, by this node's clock.
    pub(crate) at: BootInstant,
    /// When, in milliseconds since 1970, for people.
    pub(crate) at_ms: u64,
    /// What a machine with nothing would have taken.
    pub(crate) took: Duration,
}

/// Tries out, `[drill] every` so often while the node follows, what a recovery from the stores alone would come to. Runs until
/// the node leaves; a drill ends when the node is to lead.
///
/// # Cancel safety
/// Cancel safe: a pin may stay, and ages.
pub(crate) async fn keep(shared: Arc<Shared>) -> Result<()> {
    let every = shared.config.drill.every.0;
    if every.is_zero() {
        return std::future::pending().await;
    }
    metrics::counter!("standfast_drill_failures_total").absolute(0);
    metrics::gauge!("standfast_last_proven_seq").set(0.0);
    metrics::gauge!("standfast_last_proven_time_seconds").set(0.0);
    let mut next = Instant::now();
    loop {
        // Both arms are cancel safe: nothing was begun.
        tokio::select! {
            () = until_due(&shared, next) => {}
            () = left(&shared) => return Ok(()),
        }
        let stop = async {
            // Neither is awaited again.
            tokio::select! {
                () = leads(&shared) => {}
                () = left(&shared) => {}
            }
        };
        let applied = shared.progress.borrow().position.seq;
        let drilled = drill(&shared.sources, Arc::new(|_| {}), stop).await;
        let wait = match judge(drilled, applied) {
            Verdict::Proved(seq, took) => {
                proved(&shared, seq, took);
                every
            }
            Verdict::Interrupted => Duration::ZERO,
            Verdict::NothingYet => {
                shared.drills.lock().problem = None;
                UNTIL_SOMETHING.min(every)
            }
            Verdict::Failed(problem) => {
                failed(&shared, problem);
                every / AFTER_FAILURE
            }
        };
        next = Instant::now() + wait;
    }
}

/// Waits until then, and until the node follows and has caught up.
async fn until_due(shared: &Shared, next: Instant) {
    sleep_until(next).await;
    let mut roles = shared.role.subscribe();
    let mut progress = shared.progress.subscribe();
    // The senders are in `shared`: there is no error.
    drop(roles.wait_for(|role| *role == Role::Standby).await);
    drop(progress.wait_for(|progress| progress.caught_up).await);
}

/// Waits until the node no longer follows.
async fn leads(shared: &Shared) {
    let mut roles = shared.role.subscribe();
    drop(roles.wait_for(|role| *role != Role::Standby).await);
}

/// Waits until the node is told to stop.
async fn left(shared: &Shared) {
    let mut leaving = shared.leaving.subscribe();
    drop(leaving.wait_for(|leaving| *leaving).await);
}

enum Verdict {
    Proved(Seq, Duration),
    Interrupted,
    /// No snapshot, and a log so young that it carries no digest.
    NothingYet,
    Failed(String),
}

/// Of a drill that began when this node had applied so much: what is committed cannot be less.
fn judge(drilled: Result<Drilled, Error>, applied: Seq) -> Verdict {
    let mut drilled = match drilled {
        Ok(drilled) => drilled,
        Err(error) if *error.kind() == ErrorKind::Cancelled => return Verdict::Interrupted,
        Err(error) => return Verdict::Failed(error.to_string()),
    };
    let reached = drilled.recovered.reached;
    if reached.seq < applied {
        drilled.problems.push(format!(
            "the stores give a state that ends at {reached}, though this node had applied seq {applied} before"
        ));
    }
    let took = drilled.recovered.restoring + drilled.recovered.replaying;
    match drilled.proven() {
        _ if !drilled.problems.is_empty() => Verdict::Failed(drilled.problems.join("; ")),
        Some(seq) => Verdict::Proved(seq, took),
        None => Verdict::NothingYet,
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges")]
fn proved(shared: &Shared, seq: Seq, took: Duration) {
    let at_ms = wall_clock_ms();
    tracing::info!(%seq, ?took, "a recovery from the stores alone is proved");
    metrics::gauge!("standfast_last_proven_seq").set(seq.0 as f64);
    metrics::gauge!("standfast_last_proven_time_seconds").set(at_ms as f64 / 1e3);
    metrics::gauge!("standfast_measured_rto_seconds").set(took.as_secs_f64());
    let mut drills = shared.drills.lock();
    drills.problem = None;
    drills.proved = Some(Proved {
        seq,
        at: shared.clock.now(),
        at_ms,
        took,
    });
}

fn failed(shared: &Shared, problem: String) {
    metrics::counter!("standfast_drill_failures_total").increment(1);
    tracing::warn!(problem, "a recovery from the stores alone did not go well");
    shared.drills.lock().problem = Some(problem);
}
