use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Bound;

use standfast_core::{ApplyContext, Bucket, Reply, Section, Seq};

use super::global_row::GlobalRow;
use super::object::Object;
use super::tables::Tables;
use super::transfer::UnderWay;
use crate::key::ObjectKey;
use crate::request::Quota;

/// What objects take, and copies and moves of them that are under way. Counted so wide that no sum of what rows can say overflows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) bytes: u128,
    pub(crate) objects: u64,
}

impl Usage {
    /// What one object takes: the bytes of all its replicas.
    pub(crate) fn of(object: &Object) -> Self {
        Self {
            bytes: u128::from(object.size) * object.replicas.len() as u128,
            objects: 1,
        }
    }

    /// What a copy or a move takes while it is under way: the bytes of all its targets.
    pub(crate) fn under_way(transfer: &UnderWay) -> Self {
        Self {
            bytes: u128::from(transfer.size) * transfer.targets.len() as u128,
            objects: 0,
        }
    }

    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            objects: self.objects + other.objects,
        }
    }

    /// What is left without `other`, which is a part of it.
    pub(crate) const fn minus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes - other.bytes,
            objects: self.objects - other.objects,
        }
    }
}

/// What is known of a tenant that holds objects or has a quota.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tenant {
    /// Follows from the objects, and from the copies and moves under way.
    pub(crate) usage: Usage,
    pub(crate) quota: Quota,
    /// Last entry that made room for it, by taking an object away or by another quota; soft.
    pub(crate) eased: Seq,
}

impl Tenant {
    /// Whether it holds anything or has a quota.
    fn is_of_use(&self) -> bool {
        self.usage != Usage::default() || !self.quota.is_none()
    }
}

/// The tenants by name. One that holds nothing and has no quota is not there.
#[derive(Debug, Default)]
pub(crate) struct Tenants(BTreeMap<Box<[u8]>, Tenant>);

impl Tenants {
    pub(crate) fn get(&self, name: &[u8]) -> Tenant {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Those whose names come behind one.
    pub(crate) fn behind(&self, name: &[u8]) -> impl Iterator<Item = (&[u8], &Tenant)> {
        let behind = (Bound::Excluded(name), Bound::Unbounded);
        let tenants = self.0.range::<[u8], _>(behind);
        tenants.map(|(name, tenant)| (&**name, tenant))
    }

    pub(super) fn add(&mut self, name: &[u8], usage: Usage) {
        self.change(name, |tenant| tenant.usage = tenant.usage.plus(usage));
    }

    /// Adds what others counted.
    pub(super) fn add_all(&mut self, counted: &Self) {
        for (name, tenant) in &counted.0 {
            self.add(name, tenant.usage);
        }
    }

    pub(super) fn subtract(&mut self, name: &[u8], usage: Usage, by: Seq) {
        self.change(name, |tenant| {
            tenant.usage = tenant.usage.minus(usage);
            tenant.eased = by;
        });
    }

    /// Sets a quota, and returns the one before.
    pub(super) fn set_quota(&mut self, name: &[u8], quota: Quota, by: Seq) -> Quota {
        let mut old = quota;
        self.change(name, |tenant| {
            old = std::mem::replace(&mut tenant.quota, quota);
            tenant.eased = by;
        });
        old
    }

    /// A name is copied only when it is new: objects come and go by the million.
    fn change(&mut self, name: &[u8], change: impl FnOnce(&mut Tenant)) {
        let Some(tenant) = self.0.get_mut(name) else {
            let mut tenant = Tenant::default();
            change(&mut tenant);
            if tenant.is_of_use() {
                self.0.insert(name.into(), tenant);
            }
            return;
        };
        change(tenant);
        if !tenant.is_of_use() {
            self.0.remove(name);
        }
    }

    /// The quotas as rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = GlobalRow<'_>> {
        let with_quota = self.0.iter().filter(|(_, tenant)| !tenant.quota.is_none());
        with_quota.map(|(name, tenant)| GlobalRow::Quota(Cow::Borrowed(name), tenant.quota))
    }
}

impl Tables {
    pub(crate) const fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// What the object of a key takes, with a copy or a move of it.
    pub(crate) fn usage(&self, bucket: Bucket, key: &ObjectKey) -> Usage {
        let object = self.object(bucket, key).map(Usage::of);
        let under_way = self.transfer(key).map(Usage::under_way);
        object
            .unwrap_or_default()
            .plus(under_way.unwrap_or_default())
    }

    pub(super) fn apply_quota(
        &mut self,
        context: &mut ApplyContext<'_>,
        tenant: &[u8],
        quota: Quota,
    ) -> Reply {
        let old = self.tenants.set_quota(tenant, quota, context.seq());
        if !old.is_none() {
            self.remove_global(&GlobalRow::Quota(Cow::Borrowed(tenant), old));
        }
        if !quota.is_none() {
            self.add_global(&GlobalRow::Quota(Cow::Borrowed(tenant), quota));
        }
        context.touch(Section::GLOBALS);
        Reply::default()
    }
}
