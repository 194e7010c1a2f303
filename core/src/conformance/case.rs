use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::failure::Outcome;

/// What a case is about: a log, a snapshot store or an election.
pub trait Kind: Sized + 'static {
    /// The word for it in tables and JSON.
    const NAME: &'static str;
    /// Makes storages, and handles on them.
    type Harness: ?Sized + Send + Sync + 'static;
    /// What decides which cases apply: what the backend declares, and what the harness can do.
    type Facts: Send + 'static;
    /// What a case is given.
    type Trial: Send + Sync + 'static;
    /// Makes a store break a rule.
    type Twist: ?Sized + Send + Sync + 'static;

    /// All cases, in the order of the table.
    fn cases() -> Vec<Case<Self>>;

    /// What decides which cases apply on this harness, as a storage of the trial shows it.
    ///
    /// # Cancel safety
    /// Cancel safe: clean the trial.
    fn facts(trial: &Self::Trial) -> impl Future<Output = Outcome<Self::Facts>> + Send;

    /// The place of one run of one case.
    fn trial(
        harness: &Arc<Self::Harness>,
        twist: Option<Arc<Self::Twist>>,
        seed: u64,
    ) -> Self::Trial;

    /// Removes what a trial has left.
    ///
    /// # Cancel safety
    /// What was not removed stays; call again.
    fn clean(trial: &Self::Trial) -> impl Future<Output = Outcome> + Send;
}

/// Why a case does not apply; `None` when it does.
pub type Need<K> = fn(&<K as Kind>::Facts) -> Option<&'static str>;

/// One case under way.
pub type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// One thing that a store must do, the rules it proves, and a twin of the store that does not do it.
pub struct Case<K: Kind> {
    /// A sentence, as a function's name.
    pub name: &'static str,
    /// The rules and hazards it proves.
    pub rules: &'static [&'static str],
    /// What must be given for it to apply.
    pub needs: &'static [Need<K>],
    /// Runs it.
    pub run: for<'a> fn(&'a K::Trial) -> Running<'a>,
    /// Brings the fault back that the case is there to find.
    pub twin: fn() -> Arc<K::Twist>,
}

impl<K: Kind> fmt::Debug for Case<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case({} {})", K::NAME, self.name)
    }
}

/// A line of the table of cases.
macro_rules! case {
    ($name:ident, [$($rule:literal),+], needs [$($need:path),*], twin $twin:expr) => {
        $crate::conformance::Case {
            name: stringify!($name),
            rules: &[$($rule),+],
            needs: &[$($need),*],
            run: |trial| Box::pin($name(trial)),
            twin: || std::sync::Arc::new($twin),
        }
    };
}

pub(super) use case;
