use standfast_core::{Refusal, Result};

use super::inner::unknown_client;
use super::metadata_client::MetadataClient;
use super::placed::refused;
use crate::request::Quota;
use crate::v1;

/// A page of tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTenants {
    /// By name.
    pub tenants: Vec<TenantUsage>,
    /// What to ask the next page with; `None` when this was the last one.
    pub next: Option<String>,
}

/// What a tenant holds and may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantUsage {
    /// Its name.
    pub name: String,
    /// Of all replicas of its objects, those being written too.
    pub used_bytes: u64,
    /// Those being written too.
    pub used_objects: u64,
    /// What it may hold.
    pub quota: Quota,
}

impl MetadataClient {
    /// Sets what the tenant of this client may hold, in place of what was set before. What it holds already stays.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// It may be set all the same.
    pub async fn set_quota(&self, quota: Quota) -> Result<Result<(), Refusal>> {
        let send = |header| {
            let request = v1::SetQuotaRequest {
                header: Some(header),
                tenant: self.inner.options.tenant.clone(),
                bytes: quota.bytes,
                objects: quota.objects,
            };
            async move {
                self.inner
                    .call("set quota", 1, &request, |mut stub, r| async move {
                        stub.set_quota(r).await
                    })
                    .await
            }
        };
        let code = |a: &v1::SetQuotaResponse| a.result.as_ref().map_or(0, |result| result.code);
        let unknown = |a: &v1::SetQuotaResponse| unknown_client(std::iter::once(code(a)));
        let answer = self.inner.change(send, unknown).await?;
        let message = answer.result.as_ref().map_or("", |result| &result.message);
        Ok(refused(code(&answer), message))
    }

    /// What the tenant of this client holds and may hold.
    ///
    /// # Errors
    /// As all calls. `Invalid` for a tenant that cannot have such a name.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn quota(&self) -> Result<TenantUsage> {
        let request = v1::GetQuotaRequest {
            tenant: self.inner.options.tenant.clone(),
        };
        let answer = self
            .inner
            .call("get quota", 0, &request, |mut stub, r| async move {
                stub.get_quota(r).await
            })
            .await?;
        Ok(answer.tenant.map(usage).unwrap_or_default())
    }

    /// A page of the tenants that hold objects or have a quota, whichever tenant this client has; from `after` on:
    /// `None` for the first page, then what [`ListedTenants::next`] was. At most `limit` tenants; 0, or more than
    /// 1000, counts as 1000.
    ///
    /// # Errors
    /// As all calls.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn list_tenants(&self, limit: u32, after: Option<&str>) -> Result<ListedTenants> {
        let request = v1::ListTenantsRequest {
            limit,
            after: after.unwrap_or_default().to_owned(),
        };
        let answer = self
            .inner
            .call("list tenants", 0, &request, |mut stub, r| async move {
                stub.list_tenants(r).await
            })
            .await?;
        Ok(ListedTenants {
            tenants: answer.tenants.into_iter().map(usage).collect(),
            next: Some(answer.next).filter(|next| !next.is_empty()),
        })
    }
}

fn usage(tenant: v1::Tenant) -> TenantUsage {
    TenantUsage {
        name: tenant.name,
        used_bytes: tenant.used_bytes,
        used_objects: tenant.used_objects,
        quota: Quota {
            bytes: tenant.quota_bytes,
            objects: tenant.quota_objects,
        },
    }
}
