//! What a command has started ends with it, however it ends.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::time::{Instant, interval};

use crate::node::standfast;

const PATIENCE: Duration = Duration::from_mins(1);

/// Whether the process lives: one that is dead and was not waited for does not.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
    state.is_some_and(|rest| !rest.starts_with(['Z', 'X']))
}

/// The processes that `parent` has started, by any of its threads.
fn children(parent: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{parent}/task")).unwrap();
    let told = threads.map(|thread| {
        let path = thread.unwrap().path().join("children");
        std::fs::read_to_string(path).unwrap_or_default()
    });
    let pids = told.collect::<String>();
    let pids = pids.split_whitespace();
    pids.map(|pid| pid.parse().unwrap()).collect()
}

async fn until(what: &str, mut wanted: impl FnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    let mut ticks = interval(Duration::from_millis(20));
    while !wanted() {
        assert!(Instant::now() < give_up, "waited {PATIENCE:?} for {what}");
        ticks.tick().await;
    }
}

fn signal(name: &str, child: &Child) {
    let pid = child.id().unwrap().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-s", name, &pid])
        .status();
    assert!(sent.unwrap().success());
}

/// Starts a demo, and waits until it tells its nodes' processes.
async fn demo(dir: Option<&Path>, tmp: &Path) -> (Child, Vec<u32>) {
    let mut command = standfast();
    command.arg("demo").env("TMPDIR", tmp);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    if let Some(dir) = dir {
        command.arg("--dir").arg(dir);
    }
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut pids = Vec::new();
    while pids.len() < 2 {
        let line = lines.next_line().await.unwrap().expect("it still tells");
        let told = line.split_once(" is process ").map(|(_, rest)| rest);
        let pid = told.and_then(|rest| rest.split(',').next());
        pids.extend(pid.map(|pid| pid.parse::<u32>().unwrap()));
    }
    (child, pids)
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_end_with_a_demo_that_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("kept");
    let (mut child, pids) = demo(Some(&kept), dir.path()).await;
    assert!(pids.iter().all(|pid| lives(*pid)), "{pids:?}");

    child.kill().await.unwrap();

    until("the nodes to end", || !pids.iter().any(|pid| lives(*pid))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_is_told_to_stop_leaves_no_node_and_no_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (mut child, pids) = demo(None, dir.path()).await;

    signal("TERM", &child);

    assert_eq!(child.wait().await.unwrap().code(), Some(1));
    assert!(!pids.iter().any(|pid| lives(*pid)), "{pids:?}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_benchmark_that_is_told_to_stop_leaves_no_node_and_no_directory() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = standfast();
    command.args(["bench", "rto"]).env("TMPDIR", dir.path());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let pid = child.id().unwrap();
    let mut nodes = Vec::new();
    let started = |path: &str| -> bool {
        let found = std::fs::read_dir(dir.path()).unwrap();
        found
            .into_iter()
            .any(|entry| entry.unwrap().path().join(path).exists())
    };
    until("both nodes", || {
        nodes = children(pid);
        nodes.len() == 2 && started("data-a") && started("data-b")
    })
    .await;

    signal("INT", &child);

    assert_eq!(child.wait().await.unwrap().code(), Some(1));
    assert!(!nodes.iter().any(|pid| lives(*pid)), "{nodes:?}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
