use std::sync::Arc;

use parking_lot::Mutex;
use standfast_core::{Bounds, Error, ErrorKind, Machine, Position, Result, Seq, SharedMachine};

use crate::sources::Sources;

/// A state from which the log can be followed.
#[derive(Debug)]
pub struct Bootstrapped {
    /// The state.
    pub machine: SharedMachine,
    /// Where it began.
    pub origin: Position,
}

/// Makes a state to follow the log from: the complete log from genesis on.
///
/// # Errors
/// `Trimmed` when the log does not begin at its beginning.
///
/// # Cancel safety
/// Cancel safe: nothing outside changed.
pub async fn bootstrap(sources: &Sources) -> Result<Bootstrapped> {
    let bounds = sources.oplog.bounds().await?;
    let machine = complete_log(sources, &bounds)?;
    let origin = machine.position();
    Ok(Bootstrapped {
        machine: Arc::new(Mutex::new(machine)),
        origin,
    })
}

fn complete_log(sources: &Sources, bounds: &Bounds) -> Result<Machine> {
    if bounds.floor > Seq(1) {
        return Err(Error::new(
            ErrorKind::Trimmed {
                floor: bounds.floor,
            },
            "bootstrap",
        ));
    }
    Ok(sources.genesis())
}
