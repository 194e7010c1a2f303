//! A cluster inside one test: for authors of services. Needs the feature `testing`.
//!
//! The nodes live the life of real ones - they bootstrap, follow, are elected, promoted and lead - over a log and an
//! election in memory, without ports. Their clock stands still until the test moves it.
//!
//! ```
//! use std::time::Duration;
//! use standfast::testing::Cluster;
//! use standfast::{Application, Change, Refusal, RequestHeader, Result, Rows, RowsMut, Typed};
//!
//! #[derive(Debug)]
//! struct Counters;
//!
//! impl Application for Counters {
//!     // ...
//! #   type Key = String;
//! #   type Row = u64;
//! #   type Op = u64;
//! #   type Command = (String, u64);
//! #   type Reply = u64;
//! #   type Query = String;
//! #   type Answer = u64;
//! #   fn decide(&self, _: &Rows<'_, Self>, _: u64, (name, by): &(String, u64)) -> Result<Change<Self>, Refusal> {
//! #       Ok(Change::commit(name.clone(), *by))
//! #   }
//! #   fn apply(rows: &mut RowsMut<'_, '_, Self>, _: u64, key: String, op: u64) -> u64 {
//! #       let sum = rows.get(&key).copied().unwrap_or(0) + op;
//! #       rows.insert(key, sum);
//! #       sum
//! #   }
//! #   fn query(&self, rows: &Rows<'_, Self>, _: u64, query: &String) -> u64 {
//! #       rows.get(query).copied().unwrap_or(0)
//! #   }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<()> {
//! let soon = Duration::from_secs(5);
//! let mut cluster = Cluster::start(3, || Typed::new(|| Counters)).await?;
//! let first = cluster.primary().await?;
//! let counters = first.typed_proposer::<Counters>();
//! let add = ("x".to_owned(), 2);
//! assert_eq!(counters.propose(RequestHeader::default(), add, soon).await?, Ok(2));
//!
//! // The others have it as well, and came to the same state.
//! cluster.settled().await?;
//!
//! cluster.kill(first.node()).await?;
//! let second = cluster.primary().await?;
//! assert_ne!(second.node(), first.node());
//! let counters = second.typed_proposer::<Counters>();
//! assert_eq!(counters.read("x".to_owned(), soon).await?, 2);
//! # Ok(())
//! # }
//! ```

mod cluster;
mod member;
mod stores;
mod wait;

pub use cluster::Cluster;
