//! What may happen, at random.

use proptest::prelude::*;
use standfast_metadata::{
    Call, Claim, Placement, Quota, RemoveMany, SegmentId, Target, Traits, TransferKind,
    TransferStart,
};

pub(super) const TENANTS: [&str; 2] = ["default", "other"];

#[derive(Clone, Debug)]
pub(super) enum Step {
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

pub(super) fn step() -> impl Strategy<Value = Step> {
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
pub(super) fn name(n: u8) -> Target {
    let tenant = TENANTS[usize::from(n % 2)];
    Target::new(tenant.as_bytes(), format!("k{n}").as_bytes())
}

pub(super) fn start(n: u8, size: u64, replicas: u32, upsert: bool) -> Call {
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

pub(super) fn transfer(target: Target, to: SegmentId, moves: bool, step: u8) -> Call {
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
pub(super) fn claim(n: u8) -> Claim {
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

pub(super) fn remove_many(targets: Vec<Target>, force: bool) -> Call {
    Call::RemoveMany(RemoveMany {
        targets,
        force,
        next: None,
    })
}
