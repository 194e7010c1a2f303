use std::sync::Arc;

use crate::contract_tests::{LogFixture, cluster, oplog_stories};
use crate::file::FileOpLog;
use standfast_core::{ByteSize, OpLogStore, Store};

struct Log(tempfile::TempDir);

impl Log {
    fn handle(&self) -> FileOpLog {
        FileOpLog::open(self.0.path(), ByteSize(64 << 10)).unwrap()
    }
}

impl LogFixture for Log {
    async fn new() -> Self {
        let log = Self(tempfile::tempdir().unwrap());
        log.handle().init(cluster()).await.unwrap();
        log
    }

    fn open(&self) -> Arc<dyn OpLogStore> {
        Arc::new(self.handle())
    }
}

mod oplog {
    use super::*;

    oplog_stories!(Log);
}
