use proptest::prelude::*;
use standfast_core::Clock;
use standfast_metadata::MetadataConfig;

use super::step::step;
use super::world::World;
use crate::support::{Caller, Primary, placed, segment};

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
