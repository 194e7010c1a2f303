use std::sync::Arc;

use standfast_core::{DecideContext, Refusal};

use super::machine::MetadataService;
use crate::config::millis;
use crate::key::Target;
use crate::names::{ClientId, SegmentId};
use crate::request::{Answer, Found, Located, Question};
use crate::state::{Object, Progress, SegmentStatus};
use crate::v1::ErrorCode;

impl MetadataService {
    pub(super) fn answer(
        &mut self,
        context: &mut DecideContext<'_>,
        question: &Question,
    ) -> Answer {
        match question {
            Question::Locate { client, targets } => {
                self.hear(*client, context.now_ms());
                let located = targets.iter().map(|target| self.locate(context, target));
                Answer::Located {
                    objects: located.collect(),
                    lease_ms: millis(self.config.lease_ttl),
                }
            }
            Question::Exist { client, targets } => {
                self.hear(*client, context.now_ms());
                let exist = targets.iter().map(|target| self.exists(context, target));
                Answer::Exist(exist.collect())
            }
            Question::Ping { client, mounted } => {
                self.hear(*client, context.now_ms());
                context.wait_for(self.tables.membership());
                Answer::Pong {
                    known: self.knows(*client, mounted),
                    client_ttl_ms: millis(self.config.client_ttl),
                }
            }
            Question::Segments(numbers) => {
                context.wait_for(self.tables.membership());
                let segments = self.tables.segments();
                let info = |number| segments.get(number).map(|s| Arc::clone(&s.info));
                Answer::Segments(numbers.iter().map(info).collect())
            }
            Question::ListObjects(listing) => Answer::Objects(self.list_objects(context, listing)),
            Question::ListSegments { from, limit } => {
                Answer::SegmentPage(self.list_segments(context, *from, *limit))
            }
            Question::ListSegmentObjects(listing) => {
                Answer::SegmentObjects(self.list_segment_objects(context, listing))
            }
            Question::Tenant(tenant) => Answer::Tenant(self.tenant(context, tenant)),
            Question::ListTenants { after, limit } => {
                Answer::Tenants(self.list_tenants(context, after, *limit))
            }
            Question::Nothing => Answer::Nothing,
        }
    }

    fn hear(&mut self, client: ClientId, now_ms: u64) {
        if let Some(client) = self.tables.client(client) {
            self.soft.hear(client.number, now_ms);
        }
    }

    fn knows(&self, client: ClientId, mounted: &[(SegmentId, u64)]) -> bool {
        let Some(client) = self.tables.client(client) else {
            return false;
        };
        mounted.iter().all(|(id, incarnation)| {
            let dismissed = self.tables.dismissed(*id);
            if dismissed.is_some_and(|d| d.owner == client.number && d.incarnation == *incarnation)
            {
                return true;
            }
            self.tables.segment_by_id(*id).is_some_and(|segment| {
                segment.owner == client.number
                    && segment.info.incarnation == *incarnation
                    && segment.status != SegmentStatus::Remounting
            })
        })
    }

    /// The object of a key if it is complete, with a lease from now on, which its group shares.
    fn lease(
        &mut self,
        context: &mut DecideContext<'_>,
        target: &Target,
    ) -> Result<Object, Refusal> {
        let key = target.check()?;
        let object = self.find(context, target, &key)?;
        if matches!(object.progress, Progress::Processing(_)) {
            return Err(ErrorCode::ReplicaIsNotReady.refuse("the object is being written"));
        }
        let (now_ms, ttl_ms) = (context.now_ms(), millis(self.config.lease_ttl));
        let object = self.tables.object_soft(target.bucket(), &key);
        let object = object.ok_or_else(|| ErrorCode::ObjectNotFound.refuse("no such object"))?;
        object.read(now_ms, ttl_ms);
        let object = object.clone();
        self.soft.lease_group(&key, &object, object.lease);
        Ok(object)
    }

    fn locate(
        &mut self,
        context: &mut DecideContext<'_>,
        target: &Target,
    ) -> Result<Located, Refusal> {
        let object = self.lease(context, target)?;
        Ok(self.located(&object))
    }

    /// What is known of an object.
    pub(super) fn located(&self, object: &Object) -> Located {
        let found = |place: crate::request::Place| {
            let segment = self.tables.segments().get(&place.segment)?;
            Some(Found {
                segment: Arc::clone(&segment.info),
                offset: place.offset,
            })
        };
        Located {
            size: object.size,
            checksum: match object.progress {
                Progress::Complete(checksum) => checksum,
                Progress::Processing(_) => None,
            },
            replicas: object.replicas.iter().filter_map(found).collect(),
        }
    }

    fn exists(
        &mut self,
        context: &mut DecideContext<'_>,
        target: &Target,
    ) -> Result<bool, Refusal> {
        match self.lease(context, target) {
            Ok(_) => Ok(true),
            Err(refusal) => match ErrorCode::of(&refusal) {
                ErrorCode::ObjectNotFound | ErrorCode::ReplicaIsNotReady => Ok(false),
                _ => Err(refusal),
            },
        }
    }
}
