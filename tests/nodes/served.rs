use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A script of `scripts/` that runs servers of a test's own: it takes orders, and stops what it started when its input ends.
pub(crate) struct Served {
    /// Where the servers keep what they keep.
    pub(crate) dir: PathBuf,
    /// What it said when it was ready.
    pub(crate) ready: String,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    script: Child,
    _around: tempfile::TempDir,
}

impl Served {
    /// Starts `scripts/{name}`, and waits until it is ready.
    pub(crate) fn start(name: &str, words: &[&str], environment: &[(&str, &str)]) -> Self {
        let around = tempfile::tempdir().unwrap();
        let dir = around.path().join(name);
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("scripts")
            .join(name);
        let mut script = Command::new(script)
            .arg(&dir)
            .args(words)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        let mut output = BufReader::new(script.stdout.take().unwrap());
        output.read_line(&mut ready).unwrap();
        assert!(!ready.is_empty(), "scripts/{name} says why above");
        Self {
            dir,
            ready: ready.trim().to_owned(),
            input: script.stdin.take(),
            output,
            script,
            _around: around,
        }
    }

    /// Gives it an order, and waits until it was followed.
    pub(crate) fn order(&mut self, order: &str) {
        writeln!(self.input.as_mut().unwrap(), "{order}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n", "{order}");
    }

    fn pid(&self, server: &str) -> String {
        let path = self.dir.join(format!("{server}.pid"));
        std::fs::read_to_string(path).unwrap().trim().to_owned()
    }

    pub(crate) fn signal(&self, server: &str, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.pid(server)])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Kills a server; returns when its process is gone.
    pub(crate) async fn kill(&self, server: &str) {
        let process = PathBuf::from(format!("/proc/{}/stat", self.pid(server)));
        self.signal(server, "KILL");
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(2));
        // The script, its parent, does not wait for it: it stays as a zombie.
        while std::fs::read_to_string(&process).is_ok_and(|stat| !stat.contains(") Z ")) {
            ticks.tick().await;
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.input.take());
        drop(self.script.wait());
    }
}
