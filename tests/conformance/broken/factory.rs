use std::sync::Arc;

use async_trait::async_trait;
use standfast::Result;
use standfast::conformance::{LogTwist, Twisted};
use standfast::standfast_core::{Factory, OpLogStore, OpenContext, Scratch};

/// Opens the logs of another factory, with a fault.
pub(super) struct Broken {
    sound: Arc<dyn Factory<dyn OpLogStore>>,
    twist: Arc<dyn LogTwist>,
}

impl Broken {
    pub(super) fn new(sound: Arc<dyn Factory<dyn OpLogStore>>, twist: Arc<dyn LogTwist>) -> Self {
        Self { sound, twist }
    }
}

#[async_trait]
impl Factory<dyn OpLogStore> for Broken {
    fn keys(&self) -> &'static [&'static str] {
        self.sound.keys()
    }

    fn check(&self, table: &toml::Table) -> Vec<String> {
        self.sound.check(table)
    }

    async fn open(
        &self,
        table: &toml::Table,
        context: &OpenContext,
    ) -> Result<Arc<dyn OpLogStore>> {
        let sound = self.sound.open(table, context).await?;
        Ok(Arc::new(Twisted::new(sound, Arc::clone(&self.twist))))
    }

    fn scratch(&self, table: &toml::Table, context: &OpenContext, name: &str) -> Result<Scratch> {
        self.sound.scratch(table, context, name)
    }

    async fn remove_scratch(&self, scratch: &Scratch) -> Result<()> {
        self.sound.remove_scratch(scratch).await
    }
}
