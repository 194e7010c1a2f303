use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use standfast_core::{Error, ErrorKind};

/// Why a term refuses writes, if it does: its store is full, or its log has reached the size it may have.
///
/// A full store takes no batch, so what was decided waits, and reads that looked at it are refused. A log at its limit
/// takes what was decided; only new requests are refused.
#[derive(Debug, Default)]
pub(crate) struct ReadOnly {
    full: AtomicBool,
    over: AtomicBool,
    why: Mutex<Why>,
}

#[derive(Debug, Default)]
struct Why {
    full: Option<String>,
    over: Option<String>,
    ended: bool,
}

impl ReadOnly {
    /// Whether the store takes no more for want of room.
    pub(crate) fn full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// Whether the log has reached its limit.
    pub(crate) fn over_limit(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// What a write is told, if it is refused.
    pub(crate) fn refusal(&self) -> Option<Error> {
        if !self.full() && !self.over_limit() {
            return None;
        }
        let why = self.reason()?;
        Some(Error::new(ErrorKind::Quota, "propose").context(format!(
            "not executed: this node is read-only until there is room for the log: {why}"
        )))
    }

    /// Why writes are refused; `None` when they are not.
    pub(crate) fn reason(&self) -> Option<String> {
        let why = self.why.lock();
        why.full.as_ref().or(why.over.as_ref()).cloned()
    }

    /// Sets or takes back that the store is full. Returns whether that is news.
    pub(crate) fn set_full(&self, full: Option<&Error>) -> bool {
        if full.is_none() && !self.full() {
            return false;
        }
        let mut why = self.why.lock();
        why.full = full.map(ToString::to_string);
        why.show();
        self.full.swap(full.is_some(), Ordering::AcqRel) != full.is_some()
    }

    /// Sets or takes back that the log has reached its limit.
    pub(crate) fn set_over_limit(&self, over: Option<String>) {
        let mut why = self.why.lock();
        self.over.store(over.is_some(), Ordering::Release);
        why.over = over;
        why.show();
    }

    /// The term begins: it takes writes.
    pub(crate) fn begin(&self) {
        self.why.lock().show();
    }

    /// The term is over: what is still found out is told to nobody.
    pub(crate) fn end(&self) {
        let mut why = self.why.lock();
        why.ended = true;
        metrics::gauge!("standfast_read_only").set(0.0);
    }
}

impl Why {
    fn show(&self) {
        let read_only = self.full.is_some() || self.over.is_some();
        if !self.ended {
            metrics::gauge!("standfast_read_only").set(if read_only { 1.0 } else { 0.0 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_refused_for_as_long_as_there_is_one_reason() {
        let read_only = ReadOnly::default();
        assert!(read_only.refusal().is_none());
        let full = Error::new(ErrorKind::Quota, "append").context("segment 7");
        read_only.set_over_limit(Some("9 of 8 bytes".to_owned()));
        assert!(read_only.set_full(Some(&full)));
        assert!(!read_only.set_full(Some(&full)), "no news");
        let told = |read_only: &ReadOnly| read_only.refusal().unwrap();
        assert_eq!(*told(&read_only).kind(), ErrorKind::Quota);
        assert!(told(&read_only).to_string().contains("segment 7"));
        assert!(read_only.set_full(None));
        assert!(!read_only.full() && read_only.over_limit());
        assert!(told(&read_only).to_string().contains("9 of 8 bytes"));
        read_only.set_over_limit(None);
        assert!(read_only.refusal().is_none());
        assert_eq!(read_only.reason(), None);
    }
}
