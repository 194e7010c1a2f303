use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::Election;
use super::parts::{LetsTwoLead, within};
use super::trial::ElectionTrial;
use crate::clock::{BootInstant, Clock};
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure};
use crate::conformance::parts::candidate;
use crate::conformance::threads::{beside, join};
use crate::election::ElectionBackend;
use crate::error::ErrorKind;
use crate::words::Epoch;

/// How many terms each candidate wins.
const ROUNDS: u64 = 15;

pub(super) fn cases() -> Vec<Case<Election>> {
    vec![case!(
        h16_of_racing_candidates_one_at_a_time_believes,
        ["EL-1", "EL-2", "h16"],
        needs [],
        twin LetsTwoLead
    )]
}

/// Everybody's validity, and all epochs granted.
type Believers = Mutex<(Vec<watch::Receiver<BootInstant>>, Vec<Epoch>)>;

/// Wins, checks that nobody else believes, and gives up again.
async fn win_and_leave(
    election: Arc<dyn ElectionBackend>,
    name: &'static str,
    believers: Arc<Believers>,
) -> Outcome {
    let clock = Clock::system();
    for round in 0..ROUNDS {
        // Ever other numbers, so that several candidates win different epochs at once.
        let at_least = Epoch(election.epoch().await?.0 + round % 3);
        let (candidate, election) = (candidate(name), &*election);
        let campaign = election.campaign(&candidate, at_least);
        let leadership = match within("leadership", campaign).await? {
            Ok(leadership) => leadership,
            Err(error) if *error.kind() == ErrorKind::Fenced => continue,
            Err(error) => return Err(error.into()),
        };
        {
            let mut believers = believers.lock();
            let now = clock.now();
            let others = believers.0.iter().filter(|until| *until.borrow() > now);
            let count = others.count();
            ensure!(count == 0, "{name} won, and {count} others still believe");
            believers.0.push(leadership.validity());
            believers.1.push(leadership.token().epoch);
        }
        tokio::time::sleep(Duration::from_millis(round % 4)).await;
        if round % 2 == 0 {
            leadership.resign(None).await?;
        }
    }
    Ok(())
}

async fn h16_of_racing_candidates_one_at_a_time_believes(trial: &ElectionTrial) -> Outcome {
    let place = trial.fresh().await?;
    let believers = Arc::new(Believers::default());
    let mut racers = Vec::new();
    for name in ["a", "b", "c"] {
        let election = place.open_on(&Clock::system()).await?;
        let believers = Arc::clone(&believers);
        racers.push(beside(win_and_leave(election, name, believers)));
    }
    for racer in racers {
        join(racer)?;
    }
    let granted = believers.lock().1.clone();
    ensure!(!granted.is_empty(), "nobody ever won");
    let growing = granted.is_sorted_by(|a, b| a < b);
    ensure!(growing, "epochs were granted in this order: {granted:?}");
    Ok(())
}
