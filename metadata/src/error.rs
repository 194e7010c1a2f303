use std::borrow::Cow;

use standfast_core::{Error, ErrorKind, Refusal};

use crate::v1::ErrorCode;

impl ErrorCode {
    /// The refusal with this code. The codes are listed in `master.proto` and nowhere else.
    pub(crate) fn refuse(self, message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal {
            code: self as u32,
            message: message.into(),
        }
    }

    /// The code of a refusal.
    pub fn of(refusal: &Refusal) -> Self {
        i32::try_from(refusal.code)
            .ok()
            .and_then(|code| Self::try_from(code).ok())
            .unwrap_or(Self::InvalidParams)
    }
}

/// An entry or row that contradicts the state, or cannot be decoded (SM-5).
pub(crate) fn corrupt(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Corrupt, "apply metadata").context(what)
}
