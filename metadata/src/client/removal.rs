use std::collections::BTreeMap;

use bytes::Bytes;
use standfast_core::{Error, ErrorKind, Result};

use super::inner::unknown_client;
use super::metadata_client::MetadataClient;
use super::placed::refused;
use crate::v1;
use crate::v1::ErrorCode;

/// Objects that a page may hold: a try is given time for as many.
const PAGE: usize = 1000;

/// Which objects of the tenant are to be removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// All of them.
    All,
    /// Those whose keys match this regular expression (syntax of the `regex` crate), anywhere unless it is anchored.
    Regex(String),
}

/// How a removal of many objects goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemovedMany {
    /// How many were removed so far.
    pub removed: u64,
    /// How many were skipped so far, by reason: leased to readers, being written.
    pub skipped: BTreeMap<ErrorCode, u64>,
    /// How far the whole job is, in thousandths.
    pub done_permille: u32,
}

impl MetadataClient {
    /// Removes many objects of the tenant, however many there are; `force` even those that are leased or being
    /// written. `progress` is told the sums after each page of at most 1000 objects.
    ///
    /// Each object goes by the rules of [`Self::remove`]. What is put meanwhile may stay. Whoever leads, each object is
    /// counted once.
    ///
    /// # Errors
    /// As all calls; what was removed before stays removed. `Invalid` for a regular expression that is wrong or too
    /// large.
    ///
    /// # Cancel safety
    /// Some may be removed all the same.
    pub async fn remove_many(
        &self,
        which: &Removal,
        force: bool,
        mut progress: impl FnMut(&RemovedMany),
    ) -> Result<RemovedMany> {
        let mut sum = RemovedMany::default();
        let mut cursor = Bytes::new();
        loop {
            let page = self.remove_page(which, force, &cursor).await?;
            sum.removed += page.removed;
            for skipped in &page.skipped {
                *sum.skipped.entry(skipped.reason()).or_default() += skipped.count;
            }
            sum.done_permille = page.done_permille;
            progress(&sum);
            if page.next.is_empty() {
                return Ok(sum);
            }
            cursor = page.next;
        }
    }

    async fn remove_page(
        &self,
        which: &Removal,
        force: bool,
        cursor: &Bytes,
    ) -> Result<v1::RemovedPage> {
        let send = |header| async move {
            match which {
                Removal::All => self.send_all(header, force, cursor).await,
                Removal::Regex(regex) => self.send_regex(header, regex, force, cursor).await,
            }
        };
        let code = |page: &v1::RemovedPage| page.result.as_ref().map_or(0, |result| result.code);
        let unknown = |page: &v1::RemovedPage| unknown_client(std::iter::once(code(page)));
        let page = self.inner.change(send, unknown).await?;
        let message = page.result.as_ref().map_or("", |result| &result.message);
        refused(code(&page), message).map_err(|refusal| {
            Error::new(ErrorKind::Invalid, "remove many").context(refusal.message)
        })?;
        Ok(page)
    }

    async fn send_all(
        &self,
        header: v1::RequestHeader,
        force: bool,
        cursor: &Bytes,
    ) -> Result<v1::RemovedPage> {
        let request = v1::RemoveAllRequest {
            header: Some(header),
            tenant: self.inner.options.tenant.clone(),
            force,
            cursor: cursor.clone(),
        };
        self.inner
            .call("remove all", PAGE, &request, |mut stub, r| async move {
                stub.remove_all(r).await
            })
            .await
    }

    async fn send_regex(
        &self,
        header: v1::RequestHeader,
        regex: &str,
        force: bool,
        cursor: &Bytes,
    ) -> Result<v1::RemovedPage> {
        let request = v1::RemoveByRegexRequest {
            header: Some(header),
            tenant: self.inner.options.tenant.clone(),
            regex: regex.to_owned(),
            force,
            cursor: cursor.clone(),
        };
        self.inner
            .call(
                "remove by regex",
                PAGE,
                &request,
                |mut stub, r| async move { stub.remove_by_regex(r).await },
            )
            .await
    }
}
