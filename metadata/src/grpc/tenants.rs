use standfast_core::BootInstant;
use tonic::Status;

use super::calls::asked;
use super::listing::limit;
use super::master::Master;
use super::status::status;
use super::wire;
use crate::key::Target;
use crate::request::{Answer, Call, Question, Quota, TenantRow};
use crate::v1;

impl Master {
    pub(super) async fn set_tenant_quota(
        &self,
        request: v1::SetQuotaRequest,
        deadline: BootInstant,
    ) -> Result<v1::SetQuotaResponse, Status> {
        let asked = asked(request.header.as_ref(), deadline)?;
        let tenant = Target::new(request.tenant.as_bytes(), b"");
        let quota = Quota {
            bytes: request.bytes,
            objects: request.objects,
        };
        let call = |_| Call::SetQuota {
            tenant: tenant.clone(),
            quota,
        };
        let lengths = std::iter::once(tenant.qualified().len());
        let outcomes = self.propose("set_quota", asked, lengths, call).await?;
        Ok(v1::SetQuotaResponse {
            result: Some(wire::single(wire::items(outcomes))?),
        })
    }

    pub(super) async fn tenant_quota(
        &self,
        request: &v1::GetQuotaRequest,
        deadline: BootInstant,
    ) -> Result<v1::GetQuotaResponse, Status> {
        let tenant = Target::new(request.tenant.as_bytes(), b"");
        tenant
            .check_prefix()
            .map_err(|refusal| Status::invalid_argument(refusal.message))?;
        let question = Question::Tenant(tenant);
        let answer = self.ask(question, deadline).await.map_err(|e| status(&e))?;
        let Answer::Tenant(row) = answer else {
            return Err(Status::internal("an answer to another question"));
        };
        Ok(v1::GetQuotaResponse {
            tenant: Some(told(&row)),
        })
    }

    pub(super) async fn tenant_page(
        &self,
        request: v1::ListTenantsRequest,
        deadline: BootInstant,
    ) -> Result<v1::ListTenantsResponse, Status> {
        let question = Question::ListTenants {
            after: request.after.into_bytes(),
            limit: limit(request.limit),
        };
        let answer = self.ask(question, deadline).await.map_err(|e| status(&e))?;
        let Answer::Tenants(page) = answer else {
            return Err(Status::internal("an answer to another question"));
        };
        Ok(v1::ListTenantsResponse {
            tenants: page.tenants.iter().map(told).collect(),
            next: page.next.as_deref().map_or_else(String::new, text),
        })
    }
}

fn told(row: &TenantRow) -> v1::Tenant {
    v1::Tenant {
        name: text(&row.name),
        used_bytes: row.used_bytes,
        used_objects: row.used_objects,
        quota_bytes: row.quota.bytes,
        quota_objects: row.quota.objects,
    }
}

/// Names come in as text, over this same protocol.
pub(super) fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}
