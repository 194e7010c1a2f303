//! Processes that are killed and stopped.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{fresh, open};
use crate::file::FileElection;
use crate::log_words::{self, append, candidate, cluster, payloads, read_all};
use standfast_core::{BootInstant, Clock, ElectionBackend, Epoch, Leadership, Store};

const ROLE: &str = "STANDFAST_STORY_CHILD";
const DIR: &str = "STANDFAST_STORY_DIR";
const EPOCH: &str = "STANDFAST_STORY_EPOCH";
const TTL: Duration = Duration::from_millis(600);

/// A process of its own that plays a part in a story, killed at the end.
struct Actor {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Actor {
    fn start(role: &str, dir: &Path, epoch: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "file::tests::process::the_part_of_a_child"])
            .args(["--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(DIR, dir)
            .env(EPOCH, epoch.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        Self {
            child,
            lines: BufReader::new(stdout).lines(),
        }
    }

    /// The next thing it says, other than what the test harness prints.
    fn hear(&mut self) -> Option<String> {
        self.lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, said) = line.split_once("says ")?;
            Some(said.to_owned())
        })
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Not a story of its own: what the processes of the stories below do. Does nothing when it is run as a test.
#[tokio::test]
async fn the_part_of_a_child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let dir = std::env::var_os(DIR).unwrap();
    let dir = Path::new(&dir);
    match role.as_str() {
        "append" => {
            let epoch = std::env::var(EPOCH).unwrap().parse().unwrap();
            let mut writer = log_words::lead(&open(dir), epoch).await.unwrap();
            for n in 0.. {
                let payload = format!("{epoch}/{n}");
                append(&mut *writer, payload.as_bytes()).await.unwrap();
                println!("says {payload}");
            }
        }
        "lead" => {
            let election = FileElection::open_with_ttl(dir, Clock::system(), TTL).unwrap();
            let leadership = election.campaign(&candidate("child"), Epoch(0)).await;
            let mut validity = leadership.as_ref().unwrap().validity();
            println!("says {}", leadership.as_ref().unwrap().token().epoch);
            let lost = validity.wait_for(|until| *until == BootInstant::NEVER);
            lost.await.unwrap();
            println!("says lost");
        }
        other => panic!("unknown role {other}"),
    }
}

#[tokio::test]
async fn what_a_killed_writer_had_acknowledged_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let log = fresh(dir.path()).await;
    let seed =
        std::env::var("STANDFAST_SEED").map_or_else(|_| rand::random(), |s| s.parse().unwrap());
    println!("seed {seed}");
    let mut acknowledged = Vec::new();
    for round in 0..8_u64 {
        let mut actor = Actor::start("append", dir.path(), round + 1);
        let count = 1 + u64::rotate_left(seed, u32::try_from(round).unwrap() * 8) % 60;
        for _ in 0..count {
            acknowledged.push(actor.hear().expect("it appends for ever"));
        }
        actor.signal(Signal::KILL);
        // What it said before it died was acknowledged as well.
        while let Some(said) = actor.hear() {
            acknowledged.push(said);
        }
    }
    let mut writer = log_words::lead(&log, 100).await.unwrap();
    writer.mark_committed().await.unwrap();
    let found = payloads(&read_all(&log).await.unwrap());
    for said in &acknowledged {
        assert!(
            found.contains(&said.clone().into_bytes()),
            "{said} was acknowledged, seed {seed}"
        );
    }
    let unsaid = found.len() - acknowledged.len();
    assert!(unsaid <= 16, "{unsaid} entries that nobody acknowledged");
}

async fn elect(dir: &Path) -> FileElection {
    let election = FileElection::open_with_ttl(dir, Clock::system(), TTL).unwrap();
    election.init(cluster()).await.unwrap();
    election
}

/// Wins, and how long it took.
async fn take_over(election: &FileElection) -> (Box<dyn Leadership>, Duration) {
    let clock = Clock::system();
    let begin = clock.now();
    let leadership = election.campaign(&candidate("parent"), Epoch(0)).await;
    (leadership.unwrap(), clock.now().since(begin))
}

#[tokio::test]
async fn a_killed_leader_is_replaced_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let election = elect(dir.path()).await;
    let mut actor = Actor::start("lead", dir.path(), 0);
    assert_eq!(actor.hear().as_deref(), Some("1"));
    let pid = actor.child.id().to_string();
    let error = election.depose(Epoch(1)).await.unwrap_err().to_string();
    assert!(error.contains(&pid), "names the living process: {error}");
    actor.signal(Signal::KILL);
    let (leadership, took) = take_over(&election).await;
    assert_eq!(leadership.token().epoch, Epoch(2));
    assert!(took < TTL / 2, "waits for no lease: {took:?}");
}

#[tokio::test]
async fn a_stopped_leader_loses_after_its_ttl_and_notices_when_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let election = elect(dir.path()).await;
    let mut actor = Actor::start("lead", dir.path(), 0);
    assert_eq!(actor.hear().as_deref(), Some("1"));
    election.current().await.unwrap().expect("the child leads");
    actor.signal(Signal::STOP);
    let (leadership, took) = take_over(&election).await;
    assert!(
        took > TTL / 2 && took < TTL * 3,
        "waits for the lease: {took:?}"
    );
    actor.signal(Signal::CONT);
    assert_eq!(actor.hear().as_deref(), Some("lost"));
    leadership.confirm().await.unwrap();
}
