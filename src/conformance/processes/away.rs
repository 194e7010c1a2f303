use std::sync::Arc;

use async_trait::async_trait;
use standfast_core::{Error, ErrorKind, Fingerprint, Reach, Result, Server, Store};

use super::child::Child;
use super::crew::Crew;
use super::words::{Address, Request};

/// A store whose leaders live in a process of their own. All else is done here.
#[derive(Debug)]
pub(in crate::conformance) struct Away<S: ?Sized> {
    pub(super) here: Arc<S>,
    pub(super) child: Arc<Child>,
}

impl<S: ?Sized> Away<S> {
    /// One of `crew`; none where another process has another store, or none can be started.
    pub(super) fn of(
        here: Arc<S>,
        reach: Reach,
        crew: &Crew,
        address: &Address,
    ) -> Result<Option<Self>> {
        if reach == Reach::Process {
            return Ok(None);
        }
        let child = crew.start(address)?;
        Ok(child.map(|child| Self { here, child }))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store + ?Sized> Store for Away<S> {
    fn name(&self) -> &str {
        self.here.name()
    }

    async fn fingerprint(&self) -> Result<Option<Fingerprint>> {
        self.here.fingerprint().await
    }

    async fn init(&self, cluster: Fingerprint) -> Result<()> {
        self.here.init(cluster).await
    }

    async fn probe(&self) -> Result<()> {
        self.here.probe().await
    }

    async fn servers(&self) -> Result<Vec<Server>> {
        self.here.servers().await
    }
}

/// An answer to another question.
pub(super) fn strange(request: &Request) -> Error {
    Error::new(ErrorKind::Invalid, "ask process").context(format!("{request:?}: a strange answer"))
}
