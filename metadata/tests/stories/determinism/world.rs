//! A primary and its follower.

use std::collections::BTreeMap;

use standfast_core::{Clock, Digest, Machine};
use standfast_metadata::{
    Answer, Call, ClientId, Cursor, ListObjects, MetadataConfig, Question, ReMount, SegmentId,
    SegmentInfo, Target, TenantRow, TransferKind,
};

use super::step::{Step, TENANTS, claim, name, remove_many, start, transfer};
use crate::support::{Caller, Primary, segment};

pub(super) struct World {
    primary: Option<Primary>,
    follower: Machine,
    seen: usize,
    callers: Vec<Caller>,
}

impl World {
    pub(super) fn new() -> Self {
        let mut primary = Primary::new();
        let mut callers: Vec<_> = (1..=3).map(Caller::new).collect();
        primary.mount(&mut callers[0], &segment(1, 40_000));
        let follower = Primary::follower(MetadataConfig::default(), &Clock::manual());
        Self {
            primary: Some(primary),
            follower,
            seen: 0,
            callers,
        }
    }

    fn primary(&mut self) -> &mut Primary {
        self.primary.as_mut().unwrap()
    }

    fn call(&mut self, client: u8, call: Call) {
        let primary = self.primary.as_mut().unwrap();
        // Many are refused: that is part of whatever happens.
        drop(primary.call(&mut self.callers[usize::from(client)], call));
    }

    pub(super) fn run(&mut self, step: &Step) {
        match *step {
            Step::Start {
                client,
                name: n,
                size,
                replicas,
                upsert,
            } => {
                let (size, replicas) = (u64::from(size), u32::from(replicas));
                let start = start(n, size, replicas, upsert);
                self.call(client, start);
            }
            Step::End {
                client,
                name: n,
                checksum,
            } => {
                self.call(client, Call::PutEnd(vec![(name(n), checksum)]));
            }
            Step::Revoke { client, name: n } => self.call(client, Call::PutRevoke(vec![name(n)])),
            Step::Remove {
                client,
                name: n,
                force,
            } => {
                let targets = vec![name(n)];
                self.call(client, Call::Remove { targets, force });
            }
            Step::RemoveMany {
                client,
                ref names,
                force,
            } => {
                let targets = names.clone().map(name).collect();
                self.call(client, remove_many(targets, force));
            }
            Step::Transfer {
                client,
                name: n,
                to,
                moves,
                step,
            } => {
                let to = SegmentId(u128::from(to));
                self.call(client, transfer(name(n), to, moves, step));
            }
            Step::Quota { tenant, quota } => {
                let tenant = Target::new(TENANTS[usize::from(tenant)].as_bytes(), b"");
                self.call(0, Call::SetQuota { tenant, quota });
            }
            Step::Read { name: n } => {
                let targets = vec![name(n)];
                let client = ClientId::NONE;
                self.primary().ask(&Question::Exist { client, targets });
            }
            Step::Pass { seconds } => self.primary().pass(u64::from(seconds) * 1000),
            Step::Upkeep => {
                self.primary().upkeep();
            }
            Step::Seal => self.seal(),
            Step::Fail => {
                self.primary = self.primary.take().map(Primary::fail_over);
            }
            _ => self.run_on_segment(step),
        }
    }

    fn run_on_segment(&mut self, step: &Step) {
        match *step {
            Step::Mount {
                client,
                n,
                incarnation,
            } => {
                let info = SegmentInfo {
                    incarnation: u64::from(incarnation),
                    ..segment(u128::from(n), 40_000)
                };
                self.call(client, Call::Mount(vec![info]));
            }
            Step::ReMount {
                client,
                n,
                ref names,
                first,
                last,
            } => {
                let claims = names.clone().map(claim).collect();
                let segment = segment(u128::from(n), 40_000);
                self.call(
                    client,
                    Call::ReMount(ReMount {
                        segment,
                        claims,
                        first,
                        last,
                    }),
                );
            }
            Step::Unmount {
                client,
                n,
                grace,
                force,
            } => {
                let ids = vec![SegmentId(u128::from(n))];
                let unmount = match grace {
                    None => Call::Unmount(ids),
                    Some(seconds) => Call::GracefulUnmount {
                        ids,
                        grace_ms: u64::from(seconds / 8) * 1000,
                        force,
                    },
                };
                self.call(client, unmount);
            }
            _ => unreachable!("{step:?} is not about a segment"),
        }
    }

    /// Commits, and lets the follower catch up.
    pub(super) fn seal(&mut self) {
        self.primary().seal();
        let primary = self.primary.as_ref().unwrap();
        for batch in &primary.log[self.seen..] {
            self.follower.apply_batch(batch).unwrap();
        }
        self.seen = primary.log.len();
        assert_eq!(primary.machine.digest(), self.follower.digest());
        assert_eq!(primary.digests(), crate::support::digests(&self.follower));
        assert_eq!(primary.machine.rows(), self.follower.rows());
    }

    /// The state as rows, loaded into an empty one, is the same state; and the rows alone give its digest.
    pub(super) fn check_restore(&self) {
        let primary = self.primary.as_ref().unwrap();
        let manifest = crate::snapshots::manifest(primary);
        let mut follower = Primary::follower(MetadataConfig::default(), &Clock::manual());
        for batch in &primary.log {
            follower.apply_batch(batch).unwrap();
        }
        let capture = follower.capture().unwrap().id;
        let mut shadow = follower.begin_restore();
        let mut sum = Digest::default();
        let mut sections = Vec::new();
        for section in standfast_core::Section::all() {
            let mut rows = Vec::new();
            follower.read_section(capture, section, &mut rows).unwrap();
            let digest = shadow.digest_rows(section, &rows).unwrap();
            sum = sum.with(digest.expect("the service can tell"));
            sections.push((section, rows));
        }
        let sections: Vec<_> = sections
            .iter()
            .map(|(section, rows)| (*section, &**rows))
            .collect();
        shadow.load_all(&sections).unwrap();
        let mut restored = shadow.finish(&manifest).unwrap();
        assert_eq!(sum, manifest.digest);
        // Counted anew from the rows, and counted on through the whole log.
        assert_eq!(tenants(&mut restored), tenants(&mut follower));
    }

    /// What tenants are said to hold, once nothing is copied or moved any more, is what a listing of their objects adds
    /// up to.
    pub(super) fn check_usage(&mut self) {
        for client in 0..3 {
            for kind in [TransferKind::Copy, TransferKind::Move] {
                let targets = (0..40).map(name).collect();
                self.call(client, Call::TransferRevoke { kind, targets });
            }
        }
        let primary = self.primary();
        primary.settle();
        let mut left = tenants(&mut primary.machine);
        for tenant in TENANTS {
            let listing = ListObjects {
                prefix: Target::new(tenant.as_bytes(), b""),
                from: Cursor::default(),
                limit: 1000,
            };
            let (Answer::Objects(page), _) = primary.ask(&Question::ListObjects(listing)) else {
                panic!("an answer to another question");
            };
            let objects = page.objects.iter().map(|object| &object.located);
            let bytes = objects.map(|object| object.size * object.replicas.len() as u64);
            let counted = (bytes.sum::<u64>(), page.objects.len() as u64);
            let told = left.remove(tenant.as_bytes()).unwrap_or_default();
            assert_eq!(told, counted, "{tenant}");
        }
        assert!(left.is_empty(), "{left:?}");
    }
}

/// Bytes and objects that each tenant is said to hold.
fn tenants(machine: &mut Machine) -> BTreeMap<Vec<u8>, (u64, u64)> {
    let question = Question::ListTenants {
        after: Vec::new(),
        limit: 10,
    };
    let answer = machine.query(&question).0.downcast::<Answer>().unwrap();
    let Answer::Tenants(page) = *answer else {
        panic!("an answer to another question");
    };
    let used = |row: TenantRow| (row.name, (row.used_bytes, row.used_objects));
    page.tenants.into_iter().map(used).collect()
}
