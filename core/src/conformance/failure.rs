use std::fmt;

use crate::error::Error;

/// Why a case did not pass: what was expected, and what came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(pub(super) String);

/// How a case ends.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure in words.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(format!("unexpected error: {error}"))
    }
}

/// Ends the case unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err($crate::conformance::Failure::new(format!($($text)+)));
        }
    };
}

/// Ends the case unless both are equal; tells both.
macro_rules! ensure_eq {
    ($found:expr, $wanted:expr, $($text:tt)+) => {
        match (&$found, &$wanted) {
            (found, wanted) => {
                if *found != *wanted {
                    return Err($crate::conformance::Failure::new(format!(
                        "{}: expected {wanted:?}, found {found:?}",
                        format_args!($($text)+)
                    )));
                }
            }
        }
    };
}

pub(super) use {ensure, ensure_eq};
