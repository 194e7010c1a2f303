use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use etcd_client::{Client, GetOptions};

/// Three members of an etcd of its own, which end with this.
pub(crate) struct Members {
    pub(crate) endpoints: Vec<String>,
    dir: tempfile::TempDir,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    script: Child,
}

impl Members {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same, each with these flags.
    pub(crate) fn start_with(flags: &[&str]) -> Self {
        Self::launch(3, flags, &[])
    }

    /// So many members, each with these flags; `etcdctl` gets this environment.
    pub(crate) fn launch(members: usize, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/etcd"))
            .arg(dir.path().join("etcd"))
            .arg(members.to_string())
            .args(flags)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        let mut output = BufReader::new(script.stdout.take().unwrap());
        output.read_line(&mut ready).unwrap();
        assert!(!ready.is_empty(), "scripts/etcd says why above");
        Self {
            endpoints: ready.trim().split(',').map(str::to_owned).collect(),
            dir,
            input: script.stdin.take(),
            output,
            script,
        }
    }

    /// The settings of a store that is kept there.
    pub(crate) fn settings(&self) -> String {
        settings(&self.endpoints)
    }

    /// All members, from 1.
    pub(crate) fn all(&self) -> impl Iterator<Item = usize> + use<> {
        1..=self.endpoints.len()
    }

    fn pid(&self, member: usize) -> String {
        let path = self.dir.path().join(format!("etcd/{member}.pid"));
        std::fs::read_to_string(path).unwrap().trim().to_owned()
    }

    pub(crate) fn signal(&self, member: usize, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.pid(member)])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Kills a member; returns when its process is gone.
    pub(crate) async fn kill(&self, member: usize) {
        let process = PathBuf::from(format!("/proc/{}/stat", self.pid(member)));
        self.signal(member, "KILL");
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(2));
        // The script, its parent, does not wait for it: it stays as a zombie.
        while std::fs::read_to_string(&process).is_ok_and(|stat| !stat.contains(") Z ")) {
            ticks.tick().await;
        }
    }

    /// Starts a killed member again. It answers once it has met most of the others.
    pub(crate) fn restart(&mut self, member: usize) {
        self.order(&format!("start {member}"));
    }

    /// Makes a backup.
    pub(crate) fn save(&mut self) {
        let order = format!("save {}", self.backup().display());
        self.order(&order);
    }

    /// Puts the backup back in the place of what all members have, and waits until they answer.
    pub(crate) async fn put_back(&mut self) {
        let order = format!("restore {}", self.backup().display());
        self.order(&order);
        for member in self.all() {
            self.until_there(member).await;
        }
    }

    fn backup(&self) -> PathBuf {
        self.dir.path().join("backup")
    }

    /// Gives the script an order, and waits until it was followed.
    fn order(&mut self, order: &str) {
        writeln!(self.input.as_mut().unwrap(), "{order}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n", "{order}");
    }

    /// Waits until a member answers.
    pub(crate) async fn until_there(&self, member: usize) {
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(50));
        while self.status(member).await.is_none() {
            ticks.tick().await;
        }
    }

    /// The member that leads the others.
    pub(crate) async fn leader(&self) -> usize {
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(50));
        loop {
            for member in self.all() {
                if self
                    .status(member)
                    .await
                    .is_some_and(|(id, leader)| id == leader)
                {
                    return member;
                }
            }
            ticks.tick().await;
        }
    }

    /// The keys that begin with this, as the first member has them that answers.
    pub(crate) async fn keys(&self, prefix: &str) -> Vec<String> {
        for endpoint in &self.endpoints {
            // The client's own balancing would ask one that is dead, too.
            let asked = async {
                let mut client = Client::connect([endpoint], None).await?;
                let options = GetOptions::new().with_prefix().with_keys_only();
                client.get(prefix, Some(options)).await
            };
            if let Ok(found) = asked.await {
                let keys = found.kvs().iter();
                return keys.map(|kv| kv.key_str().unwrap().to_owned()).collect();
            }
        }
        panic!("no member answers");
    }

    /// The ids of a member and of the one that leads it, if it answers.
    async fn status(&self, member: usize) -> Option<(u64, u64)> {
        let patience = std::time::Duration::from_secs(1);
        let asked = tokio::time::timeout(patience, async {
            let mut client = Client::connect([&self.endpoints[member - 1]], None).await?;
            client.status().await
        });
        let status = asked.await.ok()?.ok()?;
        Some((status.header()?.member_id(), status.leader()))
    }
}

/// The settings of a store that is kept at these endpoints.
pub(crate) fn settings(endpoints: &[String]) -> String {
    format!("type = \"etcd\"\nendpoints = {endpoints:?}")
}

impl Drop for Members {
    fn drop(&mut self) {
        // The script ends with its input, and kills its members.
        drop(self.input.take());
        drop(self.script.wait());
    }
}
