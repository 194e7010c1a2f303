use std::path::PathBuf;

use etcd_client::{Client, GetOptions};

use crate::served::Served;

/// Three members of an etcd of its own, which end with this.
pub(crate) struct Members {
    pub(crate) endpoints: Vec<String>,
    script: Served,
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
        let members = members.to_string();
        let words = [&[members.as_str()], flags].concat();
        let script = Served::start("etcd", &words, environment);
        Self {
            endpoints: script.ready.split(',').map(str::to_owned).collect(),
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

    pub(crate) fn signal(&self, member: usize, name: &str) {
        self.script.signal(&member.to_string(), name);
    }

    /// Kills a member; returns when its process is gone.
    pub(crate) async fn kill(&self, member: usize) {
        self.script.kill(&member.to_string()).await;
    }

    /// Starts a killed member again. It answers once it has met most of the others.
    pub(crate) fn restart(&mut self, member: usize) {
        self.script.order(&format!("start {member}"));
    }

    /// Makes a backup.
    pub(crate) fn save(&mut self) {
        let order = format!("save {}", self.backup().display());
        self.script.order(&order);
    }

    /// Puts the backup back in the place of what all members have, and waits until they answer.
    pub(crate) async fn put_back(&mut self) {
        let order = format!("restore {}", self.backup().display());
        self.script.order(&order);
        for member in self.all() {
            self.until_there(member).await;
        }
    }

    fn backup(&self) -> PathBuf {
        self.script.dir.with_file_name("backup")
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
