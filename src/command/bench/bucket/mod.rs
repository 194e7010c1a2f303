//! The bucket of a benchmark: a directory, or a place of its own at a server.

mod bare;

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use standfast_backends::bucket::BucketFactory;
use standfast_core::{Clock, ClusterId, Factory, NodeId, OpenContext, Scratch, SnapshotStore};

use self::bare::Bare;
use crate::command::Failure;

/// Which bucket is measured.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct MeasuredBucket {
    /// The bucket that is measured, in a place of its own below this, `s3://bucket/prefix`; keys are of the environment. A
    /// directory when it is left out. What an interrupted run leaves there is below `scratch-bench-..`
    #[cfg(feature = "s3")]
    #[arg(long, value_name = "URL")]
    bucket: Option<String>,
    /// Where it answers, when that is not its cloud's own address
    #[cfg(feature = "s3")]
    #[arg(long, value_name = "URL", requires = "bucket")]
    endpoint: Option<String>,
}

impl MeasuredBucket {
    /// Opens it for a cluster whose other stores are in `dir`.
    pub(super) async fn open(&self, dir: &Path, cluster: ClusterId) -> Result<Bucket, Failure> {
        let context = OpenContext {
            cluster,
            prefix: String::new(),
            node: NodeId::new("maker")?,
            data_dir: dir.join("data-maker"),
            base_dir: dir.to_owned(),
            clock: Clock::system(),
            make: true,
        };
        let place = match self.table() {
            None => {
                let table = toml::Table::from_iter([("url".to_owned(), "bucket".into())]);
                Scratch { table, context }
            }
            Some(table) => {
                let name = format!("bench-{}", uuid::Uuid::new_v4());
                BucketFactory.scratch(&table, &context, &name)?
            }
        };
        let store = BucketFactory.open(&place.table, &place.context).await?;
        Ok(Bucket {
            is_remote: self.table().is_some(),
            store,
            place,
        })
    }

    #[cfg(feature = "s3")]
    fn table(&self) -> Option<toml::Table> {
        let bucket = ("url".to_owned(), self.bucket.clone()?.into());
        let endpoint = self.endpoint.clone();
        let endpoint = endpoint.map(|endpoint| ("endpoint".to_owned(), endpoint.into()));
        Some([bucket].into_iter().chain(endpoint).collect())
    }

    #[cfg(not(feature = "s3"))]
    #[expect(clippy::unused_self, reason = "only a server is named")]
    fn table(&self) -> Option<toml::Table> {
        None
    }
}

/// A bucket that is open.
pub(super) struct Bucket {
    pub(super) store: Arc<dyn SnapshotStore>,
    place: Scratch,
    is_remote: bool,
}

impl Bucket {
    /// Where it is.
    pub(super) const fn backend(&self) -> &'static str {
        if self.is_remote { "s3" } else { "file" }
    }

    /// The lines that lead a node there.
    pub(super) fn lines(&self) -> Result<String, Failure> {
        Ok(toml::to_string(&self.place.table)?)
    }

    /// The same place, without anything of ours.
    pub(super) fn bare(&self) -> Result<Bare, Failure> {
        Bare::of(&self.place.table, &self.place.context.base_dir)
    }

    /// Removes what is at a server; a directory goes with the one it is in.
    pub(super) async fn remove(self) -> Result<(), Failure> {
        if self.is_remote {
            drop(self.store);
            BucketFactory.remove_scratch(&self.place).await?;
        }
        Ok(())
    }
}
