use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::trial::{Step, Trial};
use crate::state::{Command, Service};

/// Runs commands on one instance of a service and applies what it decided on others, and asserts that they agree.
/// Meant for the tests of a service:
///
/// ```
/// use standfast_core::{Command, RequestHeader, Typed, assert_deterministic};
/// # use standfast_core::{Application, Change, Refusal, Rows, RowsMut};
/// # #[derive(Debug)]
/// # struct Counters;
/// # impl Application for Counters {
/// #     type Key = String;
/// #     type Row = u64;
/// #     type Op = u64;
/// #     type Command = (String, u64);
/// #     type Reply = u64;
/// #     type Query = String;
/// #     type Answer = u64;
/// #     fn decide(&self, _: &Rows<'_, Self>, _: u64, c: &(String, u64)) -> Result<Change<Self>, Refusal> {
/// #         Ok(Change::commit(c.0.clone(), c.1))
/// #     }
/// #     fn apply(rows: &mut RowsMut<'_, '_, Self>, _: u64, key: String, op: u64) -> u64 {
/// #         let sum = rows.get(&key).copied().unwrap_or(0) + op;
/// #         rows.insert(key, sum);
/// #         sum
/// #     }
/// #     fn query(&self, _: &Rows<'_, Self>, _: u64, _: &String) -> u64 { 0 }
/// # }
///
/// let commands = (1..100_u64).map(|n| {
///     let add = (format!("counter {}", n % 7), n);
///     Command::new(RequestHeader::default(), 1, add)
/// });
/// assert_deterministic!(|| Typed::new(|| Counters), commands);
/// ```
///
/// * A primary decides and applies each command, with a little time and an `upkeep` between them.
/// * A standby, made anew (so with other hash seeds), in a later second of the wall clock and on another thread, applies the
///   same entries.
/// * A third is restored from the standby's rows half-way and applies the rest.
///
/// After each entry the reply, the digest and the number of rows must be the same, and at the end the rows of each must
/// restore to the same digest. That catches a clock, randomness, the order of a hash map, and what a thread or an instance
/// keeps beside the rows. What the commands do not reach is not checked: give it many, of every kind. Nor is what every node of
/// this process sees alike, and nodes on other machines would not: files, variables of the environment.
///
/// It takes a second at most, and what the commands take, three times.
///
/// # Panics
/// When two instances differ, naming the entry; when no command changed anything; when an entry or the rows cannot be
/// read back.
#[macro_export]
macro_rules! assert_deterministic {
    ($make:expr, $commands:expr $(,)?) => {
        $crate::check_deterministic($make, $commands)
    };
}

/// What [`assert_deterministic!`](crate::assert_deterministic) does.
///
/// # Panics
/// As said there.
#[doc(hidden)]
pub fn check_deterministic<S: Service + 'static>(
    make: impl Fn() -> S,
    commands: impl IntoIterator<Item = Command>,
) {
    let mut primary = Trial::new("the primary", Box::new(make()));
    let steps: Vec<Step> = commands
        .into_iter()
        .flat_map(|command| primary.run(&command))
        .collect();
    assert!(
        !steps.is_empty(),
        "no command changed anything, so nothing was checked; last refusal: {:?}",
        primary.refused()
    );
    let ended = second();
    while second() == ended {
        thread::park_timeout(Duration::from_millis(5));
    }
    let standby = Trial::new("a standby", Box::new(make()));
    let others = thread::scope(|scope| scope.spawn(|| follow(standby, &steps)).join());
    let [standby, restored] = others.unwrap_or_else(|told| std::panic::resume_unwind(told));
    for mut each in [primary, standby, restored] {
        each.restored("one restored at the end");
    }
}

/// Applies the steps to a standby, and the second half to one restored from it.
fn follow(mut standby: Trial, steps: &[Step]) -> [Trial; 2] {
    let (before, after) = steps.split_at(steps.len() / 2);
    for step in before {
        standby.follow(step);
    }
    let mut restored = standby.restored("one restored half-way");
    for step in after {
        standby.follow(step);
        restored.follow(step);
    }
    [standby, restored]
}

/// Of the wall clock.
#[expect(
    clippy::disallowed_methods,
    reason = "waits for the second to pass that a service may read"
)]
fn second() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}
