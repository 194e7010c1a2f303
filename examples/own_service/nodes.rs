//! A node of the service, and starting one as a process.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use standfast::{Node, NodeBuilder, Result, Typed, ports};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::namespace::Namespace;
use super::{Failure, api};

/// For gRPC reflection.
const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.bin");

/// Runs a node until its standard input ends, as it does when whoever started it is gone.
pub(crate) async fn serve(config: &Path) -> Result<()> {
    let (told, stop) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        drop(io::copy(&mut io::stdin(), &mut io::sink()));
        drop(told);
    });
    builder(config)
        .routes(|_, view| api::routes(&view))
        .descriptors(DESCRIPTORS)
        .run_until(async { drop(stop.await) })
        .await
}

fn builder(config: &Path) -> NodeBuilder {
    Node::builder()
        .config_file(config)
        .service(|| Typed::new(|| Namespace))
}

/// A node that is a process of its own. It is killed when this is dropped.
pub(crate) struct NodeProcess {
    pub(crate) name: &'static str,
    pub(crate) endpoint: String,
    config: PathBuf,
    child: Option<Child>,
}

impl NodeProcess {
    /// Writes the configuration of a node that shares log and election with the others in `dir`.
    pub(crate) fn new(dir: &Path, name: &'static str) -> Result<Self, Failure> {
        let endpoint = format!("127.0.0.1:{}", ports::reserve()?);
        let http = format!("127.0.0.1:{}", ports::reserve()?);
        let config = dir.join(format!("{name}.toml"));
        let text = format!(
            r#"
            cluster = {{ id = "namespace" }}
            node = {{ id = "{name}", listen = "{endpoint}", http = "{http}", data_dir = "{name}" }}
            oplog = {{ type = "file", dir = "log" }}
            election = {{ type = "file", dir = "election", ttl = "2s" }}
            recovery = {{ mode = "log" }}
            "#
        );
        std::fs::write(&config, text)?;
        Ok(Self {
            name,
            endpoint,
            config,
            child: None,
        })
    }

    /// Gives the stores of the cluster their identity, once for all its nodes.
    pub(crate) async fn init(&self) -> Result<()> {
        builder(&self.config).init().await.map(|_| ())
    }

    /// Starts the process with the command that `node` gives for a configuration.
    pub(crate) fn start(&mut self, node: impl Fn(&Path) -> Command) -> io::Result<()> {
        let child = node(&self.config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        self.child = Some(child);
        Ok(())
    }

    /// `kill -9`, and waits until the process is gone.
    pub(crate) async fn kill(&mut self) -> Result<(), Failure> {
        let mut child = self.child.take().ok_or("the node does not run")?;
        Ok(child.kill().await?)
    }
}
