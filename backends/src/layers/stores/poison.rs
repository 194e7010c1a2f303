use standfast_core::{ErrorKind, Result};

use crate::layers::operation::Operation;

/// Whether a writer takes no more (OW-3), as each layer keeps it for itself: the writer below may never have seen the
/// call that is in doubt.
#[derive(Debug, Default)]
pub(in crate::layers) struct Poison(Option<ErrorKind>);

impl Poison {
    /// Whether nothing may be written any more, a last mark included.
    pub(in crate::layers) const fn is_poisoned(&self) -> bool {
        self.0.is_some()
    }

    /// Refuses every call of a poisoned writer.
    pub(in crate::layers) fn check(&self, operation: Operation) -> Result<()> {
        match &self.0 {
            None => Ok(()),
            Some(kind) => Err(operation.error(kind.clone()).context(
                "an earlier call of this writer was in doubt or fenced: reopen under a higher epoch",
            )),
        }
    }

    /// A write begins. Until it has an answer it counts as in doubt: its future may be dropped (OW-5).
    pub(in crate::layers) fn begin(&mut self, operation: Operation) -> Result<()> {
        self.check(operation)?;
        self.0 = Some(ErrorKind::Indeterminate);
        Ok(())
    }

    /// The answer of a write.
    pub(in crate::layers) fn end<T>(&mut self, answer: Result<T>) -> Result<T> {
        self.0 = match &answer {
            Err(error) => Some(error.kind()).filter(|kind| poisons(kind)).cloned(),
            Ok(_) => None,
        };
        answer
    }
}

const fn poisons(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::Indeterminate | ErrorKind::Fenced)
}
