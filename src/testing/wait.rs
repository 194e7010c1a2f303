use std::time::Duration;

use standfast_core::{Clock, Error, ErrorKind, Result};

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// Looks until `look` gives something; `state` tells what is there instead when that takes longer than `patience`, on the
/// machine's clock.
///
/// Cancel safe: changes nothing.
pub(super) async fn until<T>(
    what: &str,
    patience: Duration,
    mut look: impl FnMut() -> Option<T>,
    state: impl Fn() -> String,
) -> Result<T> {
    let clock = Clock::system();
    let give_up = clock.now().plus(patience);
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if clock.now() >= give_up {
            return Err(Error::new(ErrorKind::Timeout, "wait for the cluster")
                .context(format!("not within {patience:?}: {what}; {}", state())));
        }
        tokio::time::sleep(LOOK).await;
    }
}
