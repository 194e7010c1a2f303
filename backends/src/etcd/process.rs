use std::fs;
use std::io;
use std::sync::LazyLock;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

/// Set in the flags of a task that is on its way out: it runs no program any more.
const PF_EXITING: u64 = 4;

/// Which process of which host somebody is, so that others on that host can tell its death from silence.
///
/// Process ids mean something within one kernel and one namespace only, and are used again: hence the boot's id, the
/// namespace and when the process began. Of another host nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessId {
    /// The id that the kernel drew when it booted.
    boot: String,
    /// The namespace of process ids.
    namespace: String,
    pid: u32,
    /// When it began, in ticks since boot.
    started: u64,
}

impl ProcessId {
    /// This process; `None` where `/proc` does not tell.
    pub(super) fn own() -> Option<&'static Self> {
        static OWN: LazyLock<Option<ProcessId>> = LazyLock::new(|| {
            let pid = std::process::id();
            // A `/proc` of another namespace numbers processes differently: what it says of our number is of another.
            let named = fs::read_link("/proc/self").ok()?;
            if named.as_os_str() != pid.to_string().as_str() {
                return None;
            }
            Some(ProcessId {
                boot: fs::read_to_string("/proc/sys/kernel/random/boot_id")
                    .ok()?
                    .trim()
                    .to_owned(),
                namespace: fs::read_link("/proc/self/ns/pid")
                    .ok()?
                    .display()
                    .to_string(),
                pid,
                started: Stat::parse(&fs::read_to_string("/proc/self/stat").ok()?)?.started,
            })
        });
        OWN.as_ref()
    }

    pub(super) const fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it is a process of this host, which can be looked at.
    pub(super) fn is_here(&self) -> bool {
        Self::own().is_some_and(|own| own.boot == self.boot && own.namespace == self.namespace)
    }

    /// Whether it is another process of this host: its death can be seen.
    pub(super) fn is_beside(&self) -> bool {
        self.is_here() && Self::own() != Some(self)
    }

    /// Whether it is proved dead: it was of this host, and is gone, or all its threads are on their way out. A process that
    /// holds much memory takes long to be gone. What cannot be looked at is no proof.
    pub(super) fn is_dead(&self) -> bool {
        if !self.is_here() {
            return false;
        }
        match Stat::look(&format!("/proc/{}/stat", self.pid)) {
            // `/proc` may hide the processes of others: the kernel is asked as well.
            Look::Gone => is_nobodys(self.pid),
            Look::At(stat) if stat.started != self.started => true,
            Look::At(_) => all_exiting(&format!("/proc/{}/task", self.pid)),
            Look::Unknown => false,
        }
    }
}

/// Whether no process has this number.
fn is_nobodys(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}

fn all_exiting(tasks: &str) -> bool {
    let Ok(entries) = fs::read_dir(tasks) else {
        return false;
    };
    let mut seen = 0;
    for entry in entries {
        let Ok(task) = entry else { return false };
        match Stat::look(&task.path().join("stat").display().to_string()) {
            Look::At(stat) if stat.exiting => seen += 1,
            // It ended while we looked.
            Look::Gone => {}
            Look::At(_) | Look::Unknown => return false,
        }
    }
    seen > 0
}

/// What `/proc/../stat` says, from proc(5): the fields after the name, which may hold anything but ends with the last `)`.
struct Stat {
    exiting: bool,
    started: u64,
}

/// What came of looking at a task.
enum Look {
    At(Stat),
    Gone,
    /// It could not be looked at, as when no file can be opened any more.
    Unknown,
}

impl Stat {
    fn look(path: &str) -> Look {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map_or(Look::Unknown, Look::At),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Look::Gone,
            Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => Look::Gone,
            Err(_) => Look::Unknown,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (_, fields) = text.rsplit_once(')')?;
        let mut fields = fields.split_ascii_whitespace();
        let state = fields.next()?;
        // `state` is the third, `flags` the ninth and `starttime` the twenty-second.
        let flags: u64 = fields.nth(5)?.parse().ok()?;
        let started = fields.nth(12)?.parse().ok()?;
        Some(Self {
            exiting: flags & PF_EXITING != 0 || state == "Z" || state == "X",
            started,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn of(pid: u32) -> ProcessId {
        ProcessId {
            pid,
            started: Stat::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).unwrap())
                .unwrap()
                .started,
            ..ProcessId::own().unwrap().clone()
        }
    }

    #[test]
    fn a_process_lives_until_it_is_killed_and_then_is_dead_before_anybody_waits_for_it() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let id = of(child.id());
        assert!(!id.is_dead());
        assert!(!ProcessId::own().unwrap().is_dead());
        child.kill().unwrap();
        while !id.is_dead() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(id.is_dead());
    }

    #[test]
    fn a_process_that_began_at_another_time_is_another_one() {
        let own = ProcessId::own().unwrap();
        let before = ProcessId {
            started: own.started - 1,
            ..own.clone()
        };
        assert!(before.is_dead());
    }

    #[test]
    fn what_cannot_be_looked_at_is_no_proof() {
        assert!(!all_exiting("/proc/self/no-such-folder"));
        assert!(!all_exiting(
            tempfile::tempdir().unwrap().path().to_str().unwrap()
        ));
        assert!(matches!(Stat::look("/proc/self/task"), Look::Unknown));
    }

    #[test]
    fn a_number_is_nobodys_only_when_the_kernel_says_so() {
        assert!(!is_nobodys(std::process::id()));
        let mut child = Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert!(is_nobodys(pid));
        assert!(
            !is_nobodys(0) && !is_nobodys(u32::MAX),
            "these are no numbers"
        );
    }

    #[test]
    fn of_another_host_nothing_is_known() {
        let own = ProcessId::own().unwrap();
        for (boot, namespace) in [("another", &*own.namespace), (&*own.boot, "another")] {
            let other = ProcessId {
                boot: boot.to_owned(),
                namespace: namespace.to_owned(),
                pid: u32::MAX,
                started: 1,
            };
            assert!(!other.is_here() && !other.is_dead());
        }
    }
}
