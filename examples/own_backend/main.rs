//! A log backend of one's own: SQLite, selected by `type = "sqlite"`.
//!
//! `cargo run --example own_backend` proves it with the conformance suite, then runs a node on it that counts its own
//! runs. `docs/writing-a-backend.md` builds it step by step.
//!
//! | file | holds |
//! |---|---|
//! | `database.rs` | the file, its format, and transactions |
//! | `fence.rs` | who may write |
//! | `oplog.rs` | the store: what others read, and how a term begins |
//! | `writer.rs` | appends |
//! | `tail.rs` | follows |
//! | `factory.rs` | the table of the configuration |
//! | `error.rs` | SQLite's errors as ours |

mod database;
mod error;
mod factory;
mod fence;
mod oplog;
mod runs;
mod tail;
mod writer;

use std::io::{self, Write};
use std::path::Path;

use standfast::conformance::{Plan, Row, certify};
use standfast::standfast_core::Registry;
use standfast::{Config, builtin};

pub(crate) use factory::SqliteFactory;
pub(crate) use runs::count;

/// What an operator would write into a file. Its paths are relative to the folder that the program uses.
pub(crate) const CONFIG: &str = r#"
    cluster   = { id = "own-backend" }
    node      = { id = "a", data_dir = "a" }
    election  = { type = "file" }
    oplog     = { type = "sqlite", path = "log/oplog.sqlite" }
    recovery  = { mode = "log" }
"#;

/// What every program knows, and ours.
pub(crate) fn registry() -> Registry {
    let mut registry = builtin();
    registry.oplogs.register("sqlite", SqliteFactory);
    registry
}

/// Runs the conformance suite on the stores of the configuration.
pub(crate) async fn prove(config: &str, dir: &Path) -> standfast::Result<Vec<Row>> {
    let registry = registry();
    let config = Config::from_text(config, dir.to_owned(), &registry)?;
    certify(&config, &registry, &Plan::default()).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::temp_dir().join("own_backend");
    let mut out = io::stdout();
    writeln!(out, "the conformance suite; this takes half a minute")?;
    let rows = prove(CONFIG, &dir).await?;
    for row in &rows {
        writeln!(out, "  {} {}: {}", row.kind, row.case, row.verdict)?;
    }
    if rows.iter().any(|row| row.verdict.is_failed()) {
        return Err("the backend does not keep its promises".into());
    }
    let runs = count(CONFIG, &dir).await?;
    Ok(writeln!(out, "this was run {runs} of a node on it")?)
}
