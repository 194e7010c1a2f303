//! `standfast certify` that is told to stop: once, twice, and while its own processes are frozen.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Child;

use crate::certify::{configured, listed};
use crate::node::standfast;

/// A case that freezes its leader for as long as a lease.
const FREEZES: &str = "h01_a_frozen_leader_is_replaced";
/// How often something is looked at that is to come.
const LOOK: Duration = Duration::from_millis(10);
/// How long it may take to come.
const PATIENCE: Duration = Duration::from_mins(1);

/// A certify that goes on for ever.
struct Endless {
    dir: TempDir,
    config: PathBuf,
    child: Child,
}

impl Endless {
    /// Of the cases that have `only` in their names.
    fn start(only: &str) -> Self {
        let (dir, config) = configured("log");
        let mut command = standfast();
        command.args(["certify", "--seeds", "1000000", "--only", only, "--config"]);
        command.arg(&config).kill_on_drop(true);
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        Self { dir, config, child }
    }

    fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    fn signal(&self, signal: &str) {
        let mut kill = std::process::Command::new("kill");
        kill.args(["-s", signal, &self.pid().to_string()]);
        assert!(kill.status().unwrap().success(), "{signal}");
    }

    /// Waits until `look` finds something, while certify goes on.
    async fn shows<T>(&mut self, what: &str, look: impl Fn(&Self) -> Option<T> + Send + Sync) -> T {
        seen(what, || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "certify ended before {what}: {ended:?}");
            look(self)
        })
        .await
    }

    /// Waits until it has frozen a leader, which it leaves so until a lease is over.
    async fn frozen_leader(&mut self) -> u32 {
        let frozen = |leader: &u32| stat(*leader).is_some_and(|stat| stat.contains(") T "));
        self.shows("a frozen leader", |certify| {
            children(certify.pid()).into_iter().find(frozen)
        })
        .await
    }

    /// Waits until a case is under way.
    async fn case(&mut self) {
        self.shows("a case under way", |certify| {
            let paths = listed(certify.dir.path());
            paths
                .iter()
                .any(|path| is_of_a_log_case(path))
                .then_some(())
        })
        .await;
    }

    async fn end(self) -> (TempDir, PathBuf, Output) {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait_with_output()).await;
        let output = ended.expect("certify ends when it is told to").unwrap();
        (self.dir, self.config, output)
    }
}

/// Waits until `look` finds something.
async fn seen<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let mut looks = tokio::time::interval(LOOK);
    let looking = async {
        loop {
            looks.tick().await;
            if let Some(found) = look() {
                return found;
            }
        }
    };
    let found = tokio::time::timeout(PATIENCE, looking).await;
    found.unwrap_or_else(|_| panic!("no sign of {what} in {PATIENCE:?}"))
}

/// Whether this is where a case has its log: `scratch-certify-log-<n>-log`.
fn is_of_a_log_case(path: &Path) -> bool {
    let number = name(path)
        .strip_prefix("scratch-certify-log-")
        .and_then(|rest| rest.strip_suffix("-log"));
    number.is_some_and(|number| number.parse::<u64>().is_ok())
}

fn children(pid: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let lists = threads.map(|thread| std::fs::read_to_string(thread.path().join("children")));
    let all: String = lists.flatten().collect();
    all.split_whitespace().flat_map(str::parse).collect()
}

/// What the kernel says of a process; none when it is gone.
fn stat(pid: u32) -> Option<String> {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()
}

/// Waits until a process is dead, whoever is to reap it.
async fn gone(pid: u32) {
    let lives = || stat(pid).is_some_and(|stat| !stat.contains(") Z "));
    seen("the end of a leader", || (!lives()).then_some(())).await;
}

fn told(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_certify_removes_what_it_made() {
    for signal in ["INT", "TERM", "HUP"] {
        let mut certify = Endless::start("");
        certify.case().await;
        certify.signal(signal);
        let (dir, config, output) = certify.end().await;
        let told = told(&output);
        assert!(
            told.contains("interrupted; the scratch places were"),
            "{told}"
        );
        assert_eq!(listed(dir.path()), [config]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_leader_ends_with_the_certify_that_is_interrupted() {
    for signal in ["INT", "TERM", "HUP"] {
        let mut certify = Endless::start(FREEZES);
        let leader = certify.frozen_leader().await;
        certify.signal(signal);
        let (dir, config, output) = certify.end().await;
        let told = told(&output);
        assert!(
            told.contains("interrupted; the scratch places were"),
            "{told}"
        );
        assert_eq!(listed(dir.path()), [config]);
        gone(leader).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_leader_ends_with_the_certify_that_is_killed() {
    let mut certify = Endless::start(FREEZES);
    let leader = certify.frozen_leader().await;
    certify.signal("KILL");
    drop(certify.end().await);
    gone(leader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_certify_at_once_and_it_says_what_stays() {
    let mut certify = Endless::start(FREEZES);
    let leader = certify.frozen_leader().await;
    // Both are there as soon as it goes on.
    for signal in ["STOP", "INT", "TERM", "CONT"] {
        certify.signal(signal);
    }
    let (dir, config, output) = certify.end().await;
    let told = told(&output);
    assert!(
        told.contains("told to end at once: remove what stays of"),
        "{told}"
    );
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        assert!(
            path == config || told.contains(name(&path)),
            "{path:?}: {told}"
        );
    }
    gone(leader).await;
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}
