use std::time::Duration;

use standfast_core::{OpLogTail, Position, Result, TailEvent};

/// After this long without an event the log is asked where it ends; after so many times its tail is given up.
const SILENCE: Duration = Duration::from_secs(1);
const SILENCES: u32 = 30;

/// The next event of a tail that stands at `position`; that the log ends there, when the log says so and the tail does not;
/// `None` when there is more and the tail has not told it for half a minute.
///
/// Whoever waits for the end of the log before it stands for election must not wait for ever for a tail that lost its word.
///
/// # Cancel safety
/// Cancel safe: an event is delivered by the next call instead.
pub(crate) async fn hear<F>(
    tail: &mut dyn OpLogTail,
    position: Position,
    end: impl Fn() -> F,
) -> Option<Result<TailEvent>>
where
    F: Future<Output = Result<Position>>,
{
    // One call, however long it takes: a slow store would begin each anew.
    let mut next = tail.next();
    for _ in 0..SILENCES {
        // Both arms are cancel safe.
        tokio::select! {
            event = &mut next => return Some(event),
            () = tokio::time::sleep(SILENCE) => {}
        }
        match end().await {
            Ok(tail) if tail == position => return Some(Ok(TailEvent::CaughtUp { tail })),
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "cannot ask where the log ends"),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use standfast_core::{Error, ErrorKind, Seq};
    use tokio::time::Instant;

    use super::*;

    /// Says nothing.
    struct Silent;

    #[async_trait]
    impl OpLogTail for Silent {
        async fn next(&mut self) -> Result<TailEvent> {
            std::future::pending().await
        }
    }

    fn at(seq: u64) -> Position {
        Position {
            seq: Seq(seq),
            ..Position::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_told_by_the_log_when_its_tail_is_silent() {
        let heard = hear(&mut Silent, at(7), || async { Ok(at(7)) }).await;
        let told = heard.unwrap().unwrap();
        assert_eq!(told, TailEvent::CaughtUp { tail: at(7) });
    }

    #[tokio::test(start_paused = true)]
    async fn a_tail_that_does_not_tell_what_is_there_is_given_up() {
        let begun = Instant::now();
        let unavailable = || Error::new(ErrorKind::Unavailable, "bounds");
        assert!(
            hear(&mut Silent, at(7), || async { Ok(at(8)) })
                .await
                .is_none()
        );
        assert!(
            hear(&mut Silent, at(7), || async { Err(unavailable()) })
                .await
                .is_none()
        );
        assert_eq!(begun.elapsed(), SILENCE * SILENCES * 2);
    }
}
