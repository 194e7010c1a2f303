use standfast_core::{DecideContext, Decision, Refusal, Reply};

use super::decide::committed;
use super::machine::MetadataService;
use crate::key::{ObjectKey, Target};
use crate::names::ClientId;
use crate::op::Op;
use crate::request::{Quota, TenantPage, TenantRow};
use crate::state::{Tenant, Usage};
use crate::v1::ErrorCode;

impl MetadataService {
    /// Sets what a tenant may hold. Anybody may, as anybody may remove.
    pub(super) fn decide_set_quota(
        &mut self,
        context: &mut DecideContext<'_>,
        client: ClientId,
        tenant: &Target,
        quota: Quota,
    ) -> Result<Decision, Refusal> {
        tenant.check_prefix()?;
        if client != ClientId::NONE {
            self.known(context, client)?;
        }
        let old = self.tables.tenants().get(tenant.tenant());
        if old.quota == quota {
            context.wait_for(old.eased);
            return Ok(Decision::unchanged(Reply::default()));
        }
        let tenant = tenant.tenant().to_vec();
        Ok(committed(None, &Op::QuotaPolicy { tenant, quota }))
    }

    /// Whether the tenant of a key may hold an object of so many bytes under it, in place of what is there and of a copy or
    /// move of that.
    ///
    /// A put that takes no more than what it replaces is never refused, even above a quota that was lowered. What is
    /// allowed waits for what made room for it.
    pub(super) fn check_quota(
        &self,
        context: &mut DecideContext<'_>,
        (target, key): (&Target, &ObjectKey),
        size: u64,
        replicas: usize,
    ) -> Result<(), Refusal> {
        let tenant = self.tables.tenants().get(target.tenant());
        if tenant.quota.is_none() {
            return Ok(());
        }
        let replaced = self.tables.usage(target.bucket(), key);
        let put = Usage {
            bytes: u128::from(size) * replicas as u128,
            objects: 1,
        };
        let after = tenant.usage.minus(replaced).plus(put);
        let exceeded = exceeded(tenant, after);
        let Some((what, used, quota, needed)) = exceeded else {
            context.wait_for(tenant.eased);
            return Ok(());
        };
        context.look_everywhere();
        Err(ErrorCode::TenantQuotaExceeded.refuse(format!(
            "tenant {} holds {used} of {quota} {what}, and would hold {needed}: remove objects, or raise the quota to \
             {needed}",
            target.tenant().escape_ascii()
        )))
    }

    /// What a tenant holds and may hold. Its usage depends on all of its objects.
    pub(super) fn tenant(&self, context: &mut DecideContext<'_>, tenant: &Target) -> TenantRow {
        context.look_everywhere();
        let name = tenant.tenant();
        row(name, &self.tables.tenants().get(name))
    }

    /// The tenants whose names come behind one.
    pub(super) fn list_tenants(
        &self,
        context: &mut DecideContext<'_>,
        after: &[u8],
        limit: usize,
    ) -> TenantPage {
        context.look_everywhere();
        let mut behind = self.tables.tenants().behind(after);
        let rows = behind.by_ref().take(limit);
        let tenants: Vec<_> = rows.map(|(name, tenant)| row(name, tenant)).collect();
        let last = tenants.last().map(|tenant| tenant.name.clone());
        TenantPage {
            next: behind.next().and(last),
            tenants,
        }
    }
}

/// Which limit a tenant would be above with a usage that grew: what it is of, what is used, the limit, and what would be
/// used.
fn exceeded(tenant: Tenant, after: Usage) -> Option<(&'static str, u128, u64, u128)> {
    let objects = |usage: Usage| u128::from(usage.objects);
    let limits = [
        ("bytes", tenant.usage.bytes, tenant.quota.bytes, after.bytes),
        (
            "objects",
            objects(tenant.usage),
            tenant.quota.objects,
            objects(after),
        ),
    ];
    let mut limits = limits.into_iter();
    limits.find_map(|(what, used, quota, needed)| {
        let quota = quota?;
        (needed > u128::from(quota) && needed > used).then_some((what, used, quota, needed))
    })
}

fn row(name: &[u8], tenant: &Tenant) -> TenantRow {
    TenantRow {
        name: name.to_vec(),
        used_bytes: u64::try_from(tenant.usage.bytes).unwrap_or(u64::MAX),
        used_objects: tenant.usage.objects,
        quota: tenant.quota,
    }
}
