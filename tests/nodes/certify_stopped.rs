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

    /// Waits until it has frozen a leader, which it leaves so until a lease is over.
    async fn frozen_leader(&self) -> u32 {
        let mut looks = tokio::time::interval(LOOK);
        loop {
            looks.tick().await;
            let frozen = |leader: &u32| stat(*leader).is_some_and(|stat| stat.contains(") T "));
            if let Some(leader) = children(self.pid()).into_iter().find(frozen) {
                return leader;
            }
        }
    }

    /// Waits until a case is under way.
    async fn case(&self) {
        let mut looks = tokio::time::interval(LOOK);
        let of_a_case = |path: &PathBuf| path.ends_with("scratch-certify-log-1-log");
        while !listed(self.dir.path()).iter().any(of_a_case) {
            looks.tick().await;
        }
    }

    async fn end(self) -> (TempDir, PathBuf, Output) {
        let output = self.child.wait_with_output().await.unwrap();
        (self.dir, self.config, output)
    }
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
    let mut looks = tokio::time::interval(LOOK);
    while stat(pid).is_some_and(|stat| !stat.contains(") Z ")) {
        looks.tick().await;
    }
}

fn told(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_certify_removes_what_it_made() {
    for signal in ["INT", "TERM", "HUP"] {
        let certify = Endless::start("");
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
        let certify = Endless::start(FREEZES);
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
    let certify = Endless::start(FREEZES);
    let leader = certify.frozen_leader().await;
    certify.signal("KILL");
    drop(certify.end().await);
    gone(leader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_certify_at_once_and_it_says_what_stays() {
    let certify = Endless::start(FREEZES);
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
