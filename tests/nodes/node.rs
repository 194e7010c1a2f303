//! A node: a process that is started, asked, and killed.

use std::ffi::OsStr;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use tokio::process::{Child, Command};

pub(crate) fn standfast() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_standfast"));
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

pub(crate) struct TestNode {
    pub(crate) name: String,
    pub(crate) config: PathBuf,
    pub(crate) data_dir: PathBuf,
    pub(crate) endpoint: String,
    pub(crate) http: String,
    pub(crate) log: PathBuf,
    pub(crate) child: Option<Child>,
}

impl TestNode {
    pub(crate) fn start(&mut self) {
        self.start_in(&[]);
    }

    /// The same with these variables in its environment.
    pub(crate) fn start_in(&mut self, environment: &[(&str, &OsStr)]) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .unwrap();
        let child = standfast()
            .args(["serve", "--config"])
            .arg(&self.config)
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id().unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-s", name, &pid])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    pub(crate) async fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().await.unwrap();
    }

    pub(crate) async fn command(&self, words: &[&str]) -> Output {
        standfast()
            .args(words)
            .arg("--config")
            .arg(&self.config)
            .output()
            .await
            .unwrap()
    }

    pub(crate) fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}
