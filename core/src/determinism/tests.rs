#![expect(
    clippy::disallowed_methods,
    reason = "a service that reads the wall clock is one of the defects"
)]

use std::collections::HashMap;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::panic::catch_unwind;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::*;

/// What `apply` makes of a row.
trait Rule: Send + std::fmt::Debug + 'static {
    fn apply(rows: &mut RowsMut<'_, '_, Ruled<Self>>, now_ms: u64, key: u64) -> u64
    where
        Self: Sized;
}

#[derive(Debug)]
struct Ruled<R>(std::marker::PhantomData<R>);

impl<R: Rule> Application for Ruled<R> {
    type Key = u64;
    type Row = u64;
    type Op = ();
    type Command = u64;
    type Reply = u64;
    type Query = ();
    type Answer = ();

    fn decide(
        &self,
        _rows: &Rows<'_, Self>,
        _now_ms: u64,
        command: &u64,
    ) -> Result<Change<Self>, Refusal> {
        Ok(Change::commit(*command, ()))
    }

    fn apply(rows: &mut RowsMut<'_, '_, Self>, now_ms: u64, key: u64, _op: ()) -> u64 {
        R::apply(rows, now_ms, key)
    }

    fn query(&self, _rows: &Rows<'_, Self>, _now_ms: u64, _query: &()) {}
}

macro_rules! rule {
    ($name:ident, $apply:expr) => {
        #[derive(Debug)]
        struct $name;

        impl Rule for $name {
            fn apply(rows: &mut RowsMut<'_, '_, Ruled<Self>>, now_ms: u64, key: u64) -> u64 {
                let value: u64 = $apply(now_ms, key);
                rows.insert(key, value);
                value
            }
        }
    };
}

rule!(Stamps, |now_ms, key| now_ms + key);
rule!(ReadsTheClock, |_, _| Clock::system().now().nanos());
rule!(ReadsTheWallClock, |_, _| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
});
rule!(Draws, |_, key| RandomState::new().hash_one(key));
rule!(AsksItsThread, |_, _| {
    let mut hasher = DefaultHasher::new();
    std::thread::current().id().hash(&mut hasher);
    hasher.finish()
});
rule!(WalksAMap, |_, key| {
    let map: HashMap<u64, ()> = (0..100).map(|n| (n + key, ())).collect();
    let first = map.keys().next();
    first.copied().unwrap_or_default()
});

/// The words of the panic; `None` when there was none.
fn told<R: Rule>(commands: u64) -> Option<String> {
    let commands = (0..commands).map(|n| Command::new(RequestHeader::default(), 1, n % 10));
    let tried = catch_unwind(|| {
        assert_deterministic!(
            || Typed::new(|| Ruled::<R>(std::marker::PhantomData)),
            commands,
        );
    });
    tried
        .err()
        .map(|panic| *panic.downcast::<String>().unwrap())
}

#[test]
fn what_follows_from_entry_and_state_passes() {
    assert_eq!(told::<Stamps>(50), None);
}

#[test]
fn what_r10_forbids_is_caught_at_the_first_entry() {
    let each = [
        told::<ReadsTheClock>(50),
        told::<ReadsTheWallClock>(50),
        told::<Draws>(50),
        told::<AsksItsThread>(50),
        told::<WalksAMap>(50),
    ];
    for told in each {
        let told = told.expect("caught");
        assert!(
            told.contains("a standby replied (left) to entries 1 to 1"),
            "{told}"
        );
    }
}

#[test]
fn a_check_of_nothing_is_no_check_and_says_why() {
    let tried = catch_unwind(|| {
        let command = Command::new(RequestHeader::default(), 1, "of another type");
        assert_deterministic!(
            || Typed::new(|| Ruled::<Stamps>(std::marker::PhantomData)),
            [command],
        );
    });
    let told = tried.expect_err("nothing to check");
    let told = told.downcast::<String>().unwrap();
    assert!(told.contains("nothing was checked"), "{told}");
    assert!(told.contains("not a command of this service"), "{told}");
}
