//! In the place of `remote` in a build without it: [`super::place::Place::parse`] lets none of its places pass.

use std::sync::Arc;

use object_store::ObjectStore;
use standfast_core::{ErrorKind, Result};

use super::error::fail;
use super::options::RemoteOptions;
use super::place::Remote;

pub(super) fn open(remote: &Remote, _options: &RemoteOptions) -> Result<Arc<dyn ObjectStore>> {
    Err(missing(remote))
}

pub(super) async fn delete_all(
    remote: &Remote,
    _options: &RemoteOptions,
    _cluster: &str,
) -> Result<()> {
    std::future::ready(Err(missing(remote))).await
}

fn missing(remote: &Remote) -> standfast_core::Error {
    let scheme = remote.cloud.scheme();
    fail(
        ErrorKind::Unsupported,
        "open bucket",
        format!("this build has no `{scheme}://`"),
    )
}
