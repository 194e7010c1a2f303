use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::contract_tests::{
    ElectionFixture, LogFixture, cluster, election_stories, oplog_stories,
};
use crate::file::{FileElection, FileOpLog};
use standfast_core::{ByteSize, Clock, ElectionBackend, OpLogStore, Store};

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

struct Election {
    dir: tempfile::TempDir,
    handles: Mutex<Vec<FileElection>>,
}

impl Election {
    fn handle(&self, clock: &Clock) -> FileElection {
        let ttl = Duration::from_millis(500);
        FileElection::open_with_ttl(self.dir.path(), clock.clone(), ttl).unwrap()
    }
}

impl ElectionFixture for Election {
    async fn new() -> Self {
        let election = Self {
            dir: tempfile::tempdir().unwrap(),
            handles: Mutex::default(),
        };
        let handle = election.handle(&Clock::system());
        handle.init(cluster()).await.unwrap();
        election
    }

    fn open(&self, clock: &Clock) -> Arc<dyn ElectionBackend> {
        let handle = self.handle(clock);
        self.handles.lock().push(handle.clone());
        Arc::new(handle)
    }

    /// The stories freeze the leader of the first handle.
    fn freeze_leader(&self) {
        self.handles.lock().first().unwrap().freeze();
    }
}

mod election {
    use super::*;

    election_stories!(Election);
}
