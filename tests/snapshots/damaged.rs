//! Objects of a bucket that cannot be read: what does not depend on them goes on, and what does says which and why.

use std::fs;

use crate::bucket::BucketFixture;
use crate::stories::Fixture;
use crate::stories::world::World;

#[tokio::test]
async fn an_attestation_that_cannot_be_read_leaves_its_snapshot_unverified_and_stops_nothing() {
    let fixture = BucketFixture::new().await;
    let store = fixture.store();
    let world = World::with_rows(50);
    let mut leader = world.cataloguer(&store, 1);
    let first = world.publish(&store).await.unwrap();
    let attestation = fixture.path(&format!("attestations/{}.json", first.id));
    fs::write(attestation, "of a newer version, say").unwrap();
    let (second, round) = world.next_snapshot(&store, &mut leader, 7).await.unwrap();
    round.collected.unwrap();
    assert!(!round.entry.find(&first.id).unwrap().verified);
    assert!(round.entry.find(&second.id).unwrap().verified);
}

#[tokio::test]
async fn a_pin_that_cannot_be_read_holds_everything_and_the_catalog_goes_on() {
    let fixture = BucketFixture::new().await;
    let store = fixture.store();
    let world = World::with_rows(50);
    let mut leader = world.cataloguer(&store, 1);
    let pin = fixture.path("pins/some-snapshot/somebody");
    fs::create_dir_all(pin.parent().unwrap()).unwrap();
    fs::write(&pin, "?").unwrap();
    let (first, round) = world.next_snapshot(&store, &mut leader, 7).await.unwrap();
    assert!(round.entry.find(&first.id).unwrap().verified);
    let told = round.collected.unwrap_err().to_string();
    assert!(told.contains("delete it if no restore"), "{told}");
    // It is not looked at again before there is something new.
    assert_eq!(leader.round().await.unwrap().collected.unwrap(), 0);
    fs::remove_file(pin).unwrap();
    let (_, round) = world.next_snapshot(&store, &mut leader, 8).await.unwrap();
    round.collected.unwrap();
}
