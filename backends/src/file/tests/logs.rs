//! The cases of the suite that need a watch in their hand, or damage. The others are run by the tests of the root package.

use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::conformance::{Damage, Log, LogHarness, LogSpace, News};
use standfast_core::{OpLogStore, Result};
use tempfile::TempDir;

use super::damage::reseal;
use super::open;
use crate::file::segment::SegmentHeader;
use crate::suite::cases;

#[derive(Debug)]
struct Files;

fn files() -> Arc<dyn LogHarness> {
    Arc::new(Files)
}

#[async_trait]
impl LogHarness for Files {
    async fn space(&self) -> Result<Box<dyn LogSpace>> {
        Ok(Box::new(Space(tempfile::tempdir().unwrap())))
    }
}

#[derive(Debug)]
struct Space(TempDir);

#[async_trait]
impl LogSpace for Space {
    async fn open(&self) -> Result<Arc<dyn OpLogStore>> {
        Ok(Arc::new(open(self.0.path())))
    }

    async fn open_misled(&self, news: News) -> Result<Option<Arc<dyn OpLogStore>>> {
        Ok(Some(Arc::new(open(self.0.path()).misled(news))))
    }

    async fn damage(&self, how: Damage) -> Result<bool> {
        let segments = std::fs::read_dir(self.0.path().join("segments"));
        for segment in segments.into_iter().flatten() {
            let path = segment.unwrap().path();
            let mut bytes = std::fs::read(&path).unwrap();
            match how {
                Damage::Rot => bytes[SegmentHeader::LEN + 40] ^= 1,
                Damage::Newer => {
                    bytes[4] = 3;
                    reseal(&mut bytes, SegmentHeader::LEN);
                }
            }
            std::fs::write(&path, bytes).unwrap();
        }
        Ok(true)
    }

    async fn remove(&self) -> Result<()> {
        std::fs::remove_dir_all(self.0.path()).unwrap();
        Ok(())
    }
}

cases!(Log, files(),
    holds:
        h08_a_watch_that_lies_only_wakes_a_tail,
        h14_damage_is_corrupt_and_never_passed_over,
        h23_what_a_later_version_wrote_is_told_as_such;
);
