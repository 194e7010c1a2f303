use std::collections::BTreeMap;

use proptest::prelude::*;
use standfast_core::{Clock, Digest, Machine};
use standfast_metadata::{
    Answer, Call, Claim, ClientId, Cursor, ListObjects, MetadataConfig, Placement, Question, Quota,
    ReMount, RemoveMany, SegmentId, SegmentInfo, Target, TenantRow, Traits, TransferKind,
    TransferStart,
};

use crate::support::{Caller, Primary, placed, segment};

const TENANTS: [&str; 2] = ["default", "other"];

#[derive(Clone, Debug)]
enum Step {
    Start {
        client: u8,
        name: u8,
        size: u16,
        replicas: u8,
        upsert: bool,
    },
    End {
        client: u8,
        name: u8,
        checksum: Option<u64>,
    },
    Revoke {
        client: u8,
        name: u8,
    },
    Remove {
        client: u8,
        name: u8,
        force: bool,
    },
    RemoveMany {
        client: u8,
        names: std::ops::Range<u8>,
        force: bool,
    },
    Transfer {
        client: u8,
        name: u8,
        to: u8,
        moves: bool,
        step: u8,
    },
    Quota {
        tenant: u8,
        quota: Quota,
    },
    Read {
        name: u8,
    },
    Mount {
        client: u8,
        n: u8,
        incarnation: u8,
    },
    ReMount {
        client: u8,
        n: u8,
        names: std::ops::Range<u8>,
        first: bool,
        last: bool,
    },
    Unmount {
        client: u8,
        n: u8,
        grace: Option<u8>,
        force: bool,
    },
    Pass {
        seconds: u16,
    },
    Upkeep,
    Seal,
    Fail,
}

fn step() -> impl Strategy<Value = Step> {
    let (client, name) = (0..3_u8, 0..40_u8);
    prop_oneof![
        8 => (client.clone(), name.clone(), 1..3000_u16, 1..3_u8, any::<bool>())
            .prop_map(|(client, name, size, replicas, upsert)| Step::Start {
                // Few sizes, so that some are written again where they are.
                client, name, size: size / 1000 * 1000 + 1, replicas, upsert
            }),
        8 => (client.clone(), name.clone(), any::<Option<u64>>())
            .prop_map(|(client, name, checksum)| Step::End { client, name, checksum }),
        1 => (client.clone(), name.clone()).prop_map(|(client, name)| Step::Revoke { client, name }),
        3 => (client.clone(), name.clone(), any::<bool>())
            .prop_map(|(client, name, force)| Step::Remove { client, name, force }),
        1 => (client.clone(), 0..40_u8, any::<bool>())
            .prop_map(|(client, first, force)| Step::RemoveMany { client, names: first..first + 5, force }),
        6 => (client.clone(), name.clone(), 1..5_u8, any::<bool>(), 0..5_u8)
            .prop_map(|(client, name, to, moves, step)| Step::Transfer { client, name, to, moves, step }),
        1 => (0..2_u8, any::<Option<u16>>(), prop::option::of(0..40_u64)).prop_map(|(tenant, bytes, objects)| {
            let quota = Quota { bytes: bytes.map(u64::from), objects };
            Step::Quota { tenant, quota }
        }),
        2 => name.prop_map(|name| Step::Read { name }),
        2 => (client.clone(), 1..5_u8, 1..3_u8)
            .prop_map(|(client, n, incarnation)| Step::Mount { client, n, incarnation }),
        2 => (client.clone(), 1..5_u8, 0..36_u8, any::<bool>(), any::<bool>())
            .prop_map(|(client, n, name, first, last)| Step::ReMount {
                client, n, names: name..name + 4, first, last
            }),
        1 => (client, 1..5_u8, any::<Option<u8>>(), any::<bool>())
            .prop_map(|(client, n, grace, force)| Step::Unmount { client, n, grace, force }),
        2 => (0..40_u16).prop_map(|seconds| Step::Pass { seconds }),
        3 => Just(Step::Upkeep),
        3 => Just(Step::Seal),
        1 => Just(Step::Fail),
    ]
}

/// A key: of the default tenant, or of another.
fn name(n: u8) -> Target {
    let tenant = TENANTS[usize::from(n % 2)];
    Target::new(tenant.as_bytes(), format!("k{n}").as_bytes())
}

fn start(n: u8, size: u64, replicas: u32, upsert: bool) -> Call {
    let objects = vec![(name(n), size)];
    let placement = Placement {
        replicas,
        group: if n.is_multiple_of(4) { "g" } else { "" }.to_owned(),
        hard_pin: n.is_multiple_of(5),
        soft_pin_ms: u64::from(n % 3) * 10_000,
        ..Placement::default()
    };
    if upsert {
        Call::UpsertStart { objects, placement }
    } else {
        Call::PutStart { objects, placement }
    }
}

fn transfer(target: Target, to: SegmentId, moves: bool, step: u8) -> Call {
    let kind = if moves {
        TransferKind::Move
    } else {
        TransferKind::Copy
    };
    let targets = vec![target];
    match step {
        0 => Call::TransferRevoke { kind, targets },
        1 | 2 => Call::TransferEnd { kind, targets },
        _ => Call::TransferStart(TransferStart {
            kind,
            targets,
            from: None,
            to: vec![to],
        }),
    }
}

/// Some of them overlap those of another name.
fn claim(n: u8) -> Claim {
    Claim {
        target: name(n),
        offset: u64::from(n) * 700 % 9000,
        size: 1 + u64::from(n % 2) * 500,
        checksum: n.is_multiple_of(3).then_some(1),
        traits: Traits {
            soft_pin_ms: u64::from(n % 3) * 10_000,
            ..Traits::default()
        },
    }
}

fn remove_many(targets: Vec<Target>, force: bool) -> Call {
    Call::RemoveMany(RemoveMany {
        targets,
        force,
        next: None,
    })
}

struct World {
    primary: Option<Primary>,
    follower: Machine,
    seen: usize,
    callers: Vec<Caller>,
}

impl World {
    fn new() -> Self {
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
        drop(primary.one(&mut self.callers[usize::from(client)], call));
    }

    fn run(&mut self, step: &Step) {
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
    fn seal(&mut self) {
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
    fn check_restore(&self) {
        let primary = self.primary.as_ref().unwrap();
        let manifest = crate::snapshots::manifest(primary);
        let mut follower = Primary::follower(MetadataConfig::default(), &Clock::manual());
        for batch in &primary.log {
            follower.apply_batch(batch).unwrap();
        }
        let capture = follower.capture().unwrap().id;
        let mut shadow = follower.begin_restore();
        let mut sum = Digest::default();
        for section in standfast_core::Section::all() {
            let mut rows = Vec::new();
            follower.read_section(capture, section, &mut rows).unwrap();
            let digest = shadow.digest_rows(section, &rows).unwrap();
            sum = sum.with(digest.expect("the service can tell"));
            shadow.load(section, &rows).unwrap();
        }
        let mut restored = shadow.finish(&manifest).unwrap();
        assert_eq!(sum, manifest.digest);
        // Counted anew from the rows, and counted on through the whole log.
        assert_eq!(tenants(&mut restored), tenants(&mut follower));
    }

    /// What tenants are said to hold is what a listing of their objects adds up to.
    fn check_usage(&mut self) {
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

proptest! {
    #[test]
    fn a_follower_equals_its_primary_through_whatever_happens(
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
        }
        world.seal();
        world.check_restore();
        world.check_usage();
    }
}

#[test]
fn a_follower_with_other_settings_still_agrees() {
    let mut primary = Primary::new();
    let mut client = Caller::new(1);
    primary.mount(&mut client, &segment(1, 1000));
    placed(&primary.start(&mut client, "open", 100).outcome);
    primary
        .revoke(&mut client, "open")
        .outcome
        .expect("given up");
    primary.pass(700_000);
    primary.settle();
    primary.seal();
    let other = MetadataConfig {
        put_start_release: standfast_core::Span::secs(31),
        client_ttl: standfast_core::Span::secs(1),
        ..MetadataConfig::default()
    };
    let mut follower = Primary::follower(other, &Clock::manual());
    for batch in &primary.log {
        follower.apply_batch(batch).unwrap();
    }
    assert_eq!(follower.digest(), primary.machine.digest());
}
