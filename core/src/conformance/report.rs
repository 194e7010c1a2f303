use std::fmt;

use serde::Serialize;

use super::failure::Failure;

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
#[non_exhaustive]
pub enum Verdict {
    /// It holds.
    Passed,
    /// The backend does not promise it, or the harness cannot try it.
    NotApplicable {
        /// The capability that says so.
        because: String,
    },
    /// It does not hold.
    Failed {
        /// The seed to run it with again.
        seed: u64,
        /// What was expected, and what came.
        why: String,
    },
}

impl Verdict {
    pub(super) fn failed(seed: u64, failure: &Failure) -> Self {
        Self::Failed {
            seed,
            why: failure.to_string(),
        }
    }

    /// Whether it failed.
    pub const fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("pass"),
            Self::NotApplicable { because } => write!(f, "n/a: {because}"),
            Self::Failed { seed, why } => write!(f, "FAIL (seed {seed}): {why}"),
        }
    }
}

/// One case, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// `log`, `snapshots` or `election`.
    pub kind: &'static str,
    /// The case.
    pub case: &'static str,
    /// The rules and hazards it proves.
    pub rules: &'static [&'static str],
    /// How it ended.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl Row {
    pub(super) const fn new(
        kind: &'static str,
        case: &'static str,
        rules: &'static [&'static str],
        verdict: Verdict,
    ) -> Self {
        Self {
            kind,
            case,
            rules,
            verdict,
        }
    }
}
