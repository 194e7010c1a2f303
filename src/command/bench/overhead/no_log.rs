use std::path::Path;
use std::process::{ExitCode, Stdio};

use standfast::config::Config;
use standfast::ports;
use tokio::process::{Child, Command};
use tokio::time::{Duration, Instant, sleep};

use crate::command::args::NoLogArguments;
use crate::command::demo::nodes::primary;
use crate::command::status::ask;
use crate::command::{Failure, serve};

/// How long it may take to lead.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(10);

/// A node without a log: a process of its own, as other nodes are. Its batches go into its own memory, nobody reads them,
/// and no answer waits for them. Killed when this is dropped.
pub(super) struct NoLog {
    pub(super) endpoint: String,
    _child: Child,
}

impl NoLog {
    /// Starts it with its directory below `parent`, and waits until it leads.
    pub(super) async fn start(parent: &Path) -> Result<Self, Failure> {
        let endpoint = format!("127.0.0.1:{}", ports::reserve()?);
        let http = format!("127.0.0.1:{}", ports::reserve()?);
        let child = Command::new(std::env::current_exe()?)
            .args(["bench", "no-log", "--listen", &endpoint, "--http", &http])
            .arg("--dir")
            .arg(parent)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let node = Self {
            endpoint,
            _child: child,
        };
        node.leads().await?;
        Ok(node)
    }

    async fn leads(&self) -> Result<(), Failure> {
        let give_up = Instant::now() + PATIENCE;
        while Instant::now() < give_up {
            if let Ok(status) = ask(&self.endpoint).await
                && primary(&status).is_some()
            {
                return Ok(());
            }
            sleep(LOOK).await;
        }
        Err(format!("waited {PATIENCE:?} for a node without a log to lead").into())
    }
}

/// The process of a [`NoLog`]: ends when standard input does.
pub(in crate::command::bench) async fn serve(
    arguments: NoLogArguments,
) -> Result<ExitCode, Failure> {
    let text = format!(
        "[cluster]\nid = \"no-log\"\n\n[node]\nid = \"c\"\nlisten = \"{}\"\nhttp = \"{}\"\n\
         data_dir = \"data-c\"\n\n[oplog]\ntype = \"memory\"\nack = \"async\"\n\n\
         [election]\ntype = \"memory\"\nttl = \"2s\"\n\n[recovery]\nmode = \"log\"\n",
        arguments.listen, arguments.http
    );
    let config = Config::from_text(&text, arguments.dir, &standfast_backends::builtin())?;
    let node = serve::builder(config);
    node.init().await?;
    serve::until_told(node, true).await
}
