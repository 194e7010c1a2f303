//! What the program shows: nothing acknowledged is lost, whoever is killed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::Instant;

use super::Failure;
use super::client::Client;
use super::nodes::NodeProcess;
use super::v1::change_request::Change;
use super::v1::look_response::Found;
use super::v1::{AddBlock, Block, CreateFile, CreateFolder, Delete, Rename};

/// Files that are made in each part of the story.
const FILES: u32 = 100;
/// How often a primary is killed.
const KILLS: u32 = 2;

/// Tells the story to `out`, with nodes that `node` starts and files in `dir`.
///
/// # Errors
/// What went wrong, and the first thing that was acknowledged and is not there.
pub(crate) async fn tell(
    dir: &Path,
    node: impl Fn(&Path) -> Command,
    out: &mut (impl Write + Send),
) -> Result<(), Failure> {
    let mut nodes = [NodeProcess::new(dir, "a")?, NodeProcess::new(dir, "b")?];
    let [first, _] = &nodes;
    first.init().await?;
    for process in &mut nodes {
        process.start(&node)?;
    }
    let endpoints = nodes.iter().map(|process| process.endpoint.clone());
    let mut work = Work::new(Client::new(endpoints)?);
    work.begin().await?;
    work.files(0).await?;
    writeln!(out, "two nodes; {}", work.told())?;
    for round in 1..=KILLS {
        let leads = work.client.endpoint().to_owned();
        let mut others = nodes.iter_mut();
        let leader = others.find(|process| process.endpoint == leads);
        let leader = leader.ok_or("nobody answered")?;
        work.longest = Duration::ZERO;
        // The work is under way when the signal is sent.
        let (worked, killed) = tokio::join!(work.files(round * FILES), leader.kill());
        worked?;
        killed?;
        writeln!(
            out,
            "kill -9 {}: the other took over, longest wait for an answer {} ms; {}",
            leader.name,
            work.longest.as_millis(),
            work.told()
        )?;
        work.check().await?;
        leader.start(&node)?;
    }
    writeln!(
        out,
        "all that was acknowledged is there, and nothing else: ok"
    )?;
    Ok(())
}

/// A client, and what was acknowledged to it.
struct Work {
    client: Client,
    /// The files of `/models`, and their blocks.
    files: BTreeMap<String, Vec<Block>>,
    acknowledged: u32,
    /// Longest wait for an answer.
    longest: Duration,
}

impl Work {
    const fn new(client: Client) -> Self {
        Self {
            client,
            files: BTreeMap::new(),
            acknowledged: 0,
            longest: Duration::ZERO,
        }
    }

    async fn change(&mut self, change: Change) -> Result<(), Failure> {
        let asked = Instant::now();
        self.client.change(change).await?;
        self.longest = self.longest.max(asked.elapsed());
        self.acknowledged += 1;
        Ok(())
    }

    async fn begin(&mut self) -> Result<(), Failure> {
        let path = "/models".to_owned();
        self.change(Change::CreateFolder(CreateFolder { path }))
            .await
    }

    /// Makes files with a block each; every fifth gets another name, every seventh is deleted.
    async fn files(&mut self, begin: u32) -> Result<(), Failure> {
        for n in begin..begin + FILES {
            let mut name = format!("part-{n:05}");
            self.change(Change::CreateFile(CreateFile { path: path(&name) }))
                .await?;
            let block = Block {
                machines: vec![format!("gpu-{}", n % 8)],
                bytes: u64::from(n) << 20,
            };
            self.change(Change::AddBlock(AddBlock {
                path: path(&name),
                block: Some(block.clone()),
            }))
            .await?;
            if n % 5 == 0 {
                let (from, to) = (path(&name), path(&format!("{name}.old")));
                self.change(Change::Rename(Rename { from, to })).await?;
                name.push_str(".old");
            }
            if n % 7 == 0 {
                self.change(Change::Delete(Delete { path: path(&name) }))
                    .await?;
            } else {
                self.files.insert(name, vec![block]);
            }
        }
        Ok(())
    }

    /// Compares what is there with what was acknowledged.
    async fn check(&mut self) -> Result<(), Failure> {
        let Found::Folder(folder) = self.client.look("/models").await? else {
            return Err("/models is not a folder".into());
        };
        let wanted: Vec<_> = self.files.keys().cloned().collect();
        if folder.names != wanted {
            let differs = |name: &&String| wanted.contains(name) != folder.names.contains(name);
            let mut all = wanted.iter().chain(&folder.names);
            return Err(format!("missing, or too many: {:?}", all.find(differs)).into());
        }
        for (name, blocks) in &self.files {
            let found = self.client.look(&path(name)).await?;
            if !matches!(&found, Found::File(file) if file.blocks == *blocks) {
                return Err(format!("{name} should have {blocks:?}, and has {found:?}").into());
            }
        }
        Ok(())
    }

    fn told(&self) -> String {
        format!(
            "{} changes acknowledged, {} files",
            self.acknowledged,
            self.files.len()
        )
    }
}

fn path(name: &str) -> String {
    format!("/models/{name}")
}
