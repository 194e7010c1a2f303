//! A service of one's own: the namespace of a file system, with its own gRPC API and its own client.
//!
//! `cargo run --release --example own_service` starts two nodes of it as processes, works with them, kills the one that
//! leads, twice, and looks whether everything that was acknowledged is there. With the path of a configuration it is such
//! a node.
//!
//! | file | holds |
//! |---|---|
//! | `namespace.rs` | the state, and what changes it |
//! | `proto/`, `generated/` | the API, and the code made of it |
//! | `api.rs` | the API in front of the state |
//! | `client.rs` | the other end |
//! | `nodes.rs` | a node, and starting one as a process |
//! | `story.rs` | what the program shows |

mod api;
mod client;
pub(crate) mod namespace;
mod nodes;
mod story;

/// The messages of `namespace.v1`.
#[expect(
    unreachable_pub,
    unused_qualifications,
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::clone_on_ref_ptr,
    reason = "generated"
)]
mod v1 {
    include!("generated/namespace.v1.rs");
}

use std::io;
use std::path::Path;

use tokio::process::Command;

pub(crate) use nodes::serve;
pub(crate) use story::tell;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    if let Some(config) = std::env::args_os().nth(1) {
        return Ok(serve(Path::new(&config)).await?);
    }
    let program = std::env::current_exe()?;
    let node = |config: &Path| {
        let mut command = Command::new(&program);
        command.arg(config);
        command
    };
    let dir = tempfile::tempdir()?;
    tell(dir.path(), node, &mut io::stdout()).await
}
