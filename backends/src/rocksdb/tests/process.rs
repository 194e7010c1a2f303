//! Processes that are killed and stopped.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::{Log, handle};
use crate::log_words::{self, append, cluster, next_batches, payloads, read_all, refusal, token};
use standfast_core::{ErrorKind, OpLogStore, Position};

const DIR: &str = "STANDFAST_STORY_DIR";
const EPOCH: &str = "STANDFAST_STORY_EPOCH";

/// A process of its own that appends for ever, killed at the end.
struct Actor {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Actor {
    fn start(dir: &Path, epoch: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "rocksdb::tests::process::the_part_of_a_child"])
            .args(["--nocapture", "--test-threads=1"])
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

    /// Kills it, and returns what it had said before.
    fn kill(&mut self) -> Vec<String> {
        self.signal(Signal::KILL);
        std::iter::from_fn(|| self.hear()).collect()
    }

    /// Waits until the kernel says that it stands still.
    fn stop(&self) {
        self.signal(Signal::STOP);
        let stat = format!("/proc/{}/stat", self.child.id());
        while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {
            std::thread::yield_now();
        }
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
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let epoch = std::env::var(EPOCH).unwrap().parse().unwrap();
    let store = handle(Path::new(&dir));
    let mut writer = log_words::lead(&store, epoch).await.unwrap();
    for n in 0.. {
        let payload = format!("{epoch}/{n}");
        append(&mut *writer, payload.as_bytes()).await.unwrap();
        println!("says {payload}");
    }
}

async fn all_there(log: &Log, epoch: u64, acknowledged: &[String]) {
    let mut writer = log_words::lead(&log.handle(), epoch).await.unwrap();
    writer.mark_committed().await.unwrap();
    let found = payloads(&read_all(&log.handle()).await.unwrap());
    for said in acknowledged {
        let said = said.clone().into_bytes();
        assert!(found.contains(&said), "{said:?} was acknowledged");
    }
    assert!(!acknowledged.is_empty());
}

#[tokio::test]
async fn what_a_killed_writer_had_acknowledged_is_there_and_its_follower_goes_on() {
    let log = Log::new().await;
    let seed =
        std::env::var("STANDFAST_SEED").map_or_else(|_| rand::random(), |s| s.parse().unwrap());
    println!("seed {seed}");
    let reader = log.handle();
    let mut tail = reader.tail(Position::genesis(cluster())).await.unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..6_u64 {
        let mut actor = Actor::start(log.dir.path(), round + 1);
        let count = 1 + u64::rotate_left(seed, u32::try_from(round).unwrap() * 8) % 60;
        for _ in 0..count {
            acknowledged.push(actor.hear().expect("it appends for ever"));
        }
        acknowledged.extend(actor.kill());
    }
    all_there(&log, 100, &acknowledged).await;
    let all = read_all(&log.handle()).await.unwrap();
    let mut followed = Vec::new();
    while followed.len() < all.len() {
        followed.extend(next_batches(&mut *tail).await);
    }
    assert_eq!(followed, all);
}

#[tokio::test]
async fn a_holder_that_stands_still_is_named_with_the_way_out_and_loses_nothing() {
    let log = Log::new().await;
    let mut actor = Actor::start(log.dir.path(), 1);
    let mut acknowledged = vec![actor.hear().unwrap()];
    actor.stop();
    let error = refusal(log.handle().open_writer(&token(2)).await);
    assert_eq!(*error.kind(), ErrorKind::Unavailable, "{error}");
    let told = format!("process {}, which stands still", actor.child.id());
    assert!(error.to_string().contains(&told), "{error}");
    assert!(error.to_string().contains("kill -9"), "{error}");
    read_all(&log.handle()).await.expect("readers need no lock");
    actor.signal(Signal::CONT);
    for _ in 0..20 {
        acknowledged.push(actor.hear().expect("it goes on"));
    }
    let error = refusal(log.handle().open_writer(&token(2)).await);
    let told = format!("process {}:", actor.child.id());
    assert!(error.to_string().contains(&told), "{error}");
    actor.stop();
    acknowledged.extend(actor.kill());
    all_there(&log, 2, &acknowledged).await;
}
