use tokio::sync::watch;

use crate::{BootInstant, Clock};

/// Waits until the validity of a term has run out, or was taken back.
///
/// # Cancel safety
/// Cancel safe: changes nothing.
pub async fn lapsed(clock: Clock, mut validity: watch::Receiver<BootInstant>) {
    loop {
        let until = *validity.borrow_and_update();
        let left = until.since(clock.now());
        if left.is_zero() {
            return;
        }
        // Select is safe here: both arms are cancel safe, and the validity is read again each time.
        tokio::select! {
            () = tokio::time::sleep(left) => {}
            changed = validity.changed() => if changed.is_err() {
                // The renewal is gone; what it last granted still counts.
                tokio::time::sleep(left).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_term_lapses_when_its_validity_is_taken_back() {
        let clock = Clock::manual();
        let (renewal, validity) = watch::channel(clock.now().plus(Duration::from_hours(1)));
        let mut lapse = std::pin::pin!(lapsed(clock.clone(), validity));
        let soon = tokio::time::timeout(Duration::from_secs(1), &mut lapse);
        soon.await.unwrap_err();
        renewal.send_replace(BootInstant::NEVER);
        lapse.await;
    }
}
