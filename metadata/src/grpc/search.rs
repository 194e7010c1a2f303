use std::sync::{Arc, Weak};
use std::time::Duration;

use regex::bytes::Regex;
use standfast_core::{BootInstant, Clock, Error, ErrorKind};
use tokio::sync::Semaphore;
use tonic::Status;

use super::status::status;
use crate::key::Target;
use crate::request::{Cursor, ObjectPage};

/// How many searches match keys at once. They are for operators; the processors are for those who put and read.
const AT_ONCE: usize = 2;

/// The longest that one search matches keys.
const LONGEST: Duration = Duration::from_secs(1);

/// The searches for keys that match a pattern, off the threads that serve.
///
/// A pattern may be slow: a key takes time in proportion to its length times the pattern's size. So a search ends between
/// two keys once its time is over, with a shorter page: the next one goes on behind it. It ends as well when its caller is
/// gone, and no more than a few run at once.
#[derive(Debug)]
pub(super) struct Searches {
    running: Arc<Semaphore>,
    clock: Clock,
}

impl Searches {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            running: Arc::new(Semaphore::new(AT_ONCE)),
            clock,
        }
    }

    /// Those objects of a page whose keys match, or of its beginning: at least one is looked at.
    ///
    /// # Errors
    /// `Busy` when half of the time until the deadline passed before others were done.
    ///
    /// # Cancel safety
    /// Cancel safe: the search ends with the key it is at.
    pub(super) async fn matching(
        &self,
        tenant: &[u8],
        page: ObjectPage,
        pattern: Option<Regex>,
        deadline: BootInstant,
    ) -> Result<ObjectPage, Status> {
        let Some(pattern) = pattern else {
            return Ok(page);
        };
        let left = deadline.since(self.clock.now());
        let running = Arc::clone(&self.running).acquire_owned();
        let Ok(Ok(permit)) = tokio::time::timeout(left / 2, running).await else {
            return Err(status(&Error::new(ErrorKind::Busy, "search").context(
                format!("{AT_ONCE} searches by regex run already: wait, or use a prefix"),
            )));
        };
        let caller = Arc::new(());
        let end = End {
            clock: self.clock.clone(),
            // What is left after it is for the answer.
            at: self.clock.now().plus(LONGEST.min(left / 4)),
            caller: Arc::downgrade(&caller),
        };
        let tenant = tenant.to_vec();
        let matching = move || {
            let _running = permit;
            matching_until(&tenant, page, &pattern, || end.reached())
        };
        let found = tokio::task::spawn_blocking(matching).await;
        drop(caller);
        found.map_err(|error| Status::internal(format!("match keys: {error}")))
    }
}

/// When a search ends, done or not.
struct End {
    clock: Clock,
    at: BootInstant,
    /// Dropped with the call.
    caller: Weak<()>,
}

impl End {
    fn reached(&self) -> bool {
        self.clock.now() >= self.at || self.caller.strong_count() == 0
    }
}

/// The objects of a page whose keys match; once the end is reached, of those that were looked at by then.
fn matching_until(
    tenant: &[u8],
    page: ObjectPage,
    pattern: &Regex,
    end_reached: impl Fn() -> bool,
) -> ObjectPage {
    let mut found = ObjectPage {
        objects: Vec::new(),
        next: page.next,
    };
    let mut rows = page.objects.into_iter();
    while let Some(row) = rows.next() {
        let matches = pattern.is_match(&row.key);
        let ends = rows.len() > 0 && end_reached();
        if ends {
            let last = Target::new(tenant, &row.key);
            let after = Cursor::after(last.bucket(), last.qualified().to_vec());
            found.next = Some(after);
        }
        if matches {
            found.objects.push(row);
        }
        if ends {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::FutureExt;

    use super::super::pattern::pattern_of;
    use super::super::status::ERROR;
    use super::*;
    use crate::request::{Located, ObjectRow, Traits};

    fn page(keys: &[&str]) -> ObjectPage {
        let row = |key: &&str| ObjectRow {
            key: key.as_bytes().to_vec(),
            complete: true,
            located: Located {
                size: 1,
                checksum: None,
                replicas: Vec::new(),
            },
            traits: Traits::default(),
        };
        ObjectPage {
            objects: keys.iter().map(row).collect(),
            next: None,
        }
    }

    fn keys(page: ObjectPage) -> Vec<String> {
        let key = |row: ObjectRow| String::from_utf8(row.key).unwrap();
        page.objects.into_iter().map(key).collect()
    }

    fn behind(key: &str) -> Cursor {
        let target = Target::new(b"t", key.as_bytes());
        Cursor::after(target.bucket(), target.qualified().to_vec())
    }

    #[test]
    fn a_search_that_has_no_time_left_goes_on_behind_the_last_key_it_looked_at() {
        let pattern = pattern_of("a").unwrap();
        let all = page(&["a1", "b", "a2", "a3"]);
        for (time, found, next) in [
            (0, vec!["a1"], Some(behind("a1"))),
            (1, vec!["a1"], Some(behind("b"))),
            (2, vec!["a1", "a2"], Some(behind("a2"))),
            (3, vec!["a1", "a2", "a3"], None),
        ] {
            let left = Cell::new(time);
            let end_reached = || left.replace(left.get() - 1) == 0;
            let searched = matching_until(b"t", all.clone(), &pattern, end_reached);
            assert_eq!(searched.next, next);
            assert_eq!(keys(searched), found);
        }
    }

    #[test]
    fn a_search_ends_when_its_time_is_over_and_when_its_caller_is_gone() {
        let (clock, caller) = (Clock::manual(), Arc::new(()));
        let end = End {
            clock: clock.clone(),
            at: clock.now().plus(LONGEST),
            caller: Arc::downgrade(&caller),
        };
        assert!(!end.reached());
        clock.advance(LONGEST);
        assert!(end.reached());
        let later = End {
            at: clock.now().plus(LONGEST),
            ..end
        };
        assert!(!later.reached());
        drop(caller);
        assert!(later.reached());
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_all_searches_running_is_refused_as_busy_and_served_once_one_is_done() {
        let clock = Clock::manual();
        let searches = Searches::new(clock.clone());
        let deadline = clock.now().plus(Duration::from_secs(8));
        let search = || searches.matching(b"t", page(&["a"]), pattern_of("a").ok(), deadline);
        let running = Arc::clone(&searches.running).acquire_many_owned(2);
        let running = running.now_or_never().unwrap().unwrap();
        let refused = search().await.unwrap_err();
        assert_eq!(refused.metadata().get(ERROR).unwrap(), "busy");
        drop(running);
        assert_eq!(keys(search().await.unwrap()), ["a"]);
        assert_eq!(searches.running.available_permits(), AT_ONCE);
    }
}
