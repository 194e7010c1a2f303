use std::sync::Arc;

use standfast_core::{
    ATTESTATION_FORMAT, Attestation, CatalogEntry, Digest, ErrorKind, Section, Span, TrimGuard,
};
use standfast_snapshots::{Cataloguer, Committed, MachineLineage, PinGuard, SnapshotPolicy};

use super::Fixture;
use super::world::{Change, World, cluster, node, small_parts, token, trimmable};

pub(crate) async fn a_proposal_is_listed_verified_and_retired_in_turn(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(500);
    let mut leader = world.cataloguer(&store, 1);
    let first = leader.round().await.unwrap();
    assert!(first.won, "the first round of a term raises the epoch");
    assert!(
        !leader.round().await.unwrap().won,
        "nothing to say, no entry"
    );

    let mut made = Vec::new();
    for byte in 2..7 {
        let (manifest, round) = world
            .next_snapshot(&store, &mut leader, byte)
            .await
            .unwrap();
        assert!(round.won && round.entry.newest().unwrap().verified);
        assert_eq!(round.entry.newest().unwrap().id, manifest.id);
        made.push(manifest);
    }
    let entry = store.newest().await.unwrap().unwrap();
    let listed: Vec<_> = entry.snapshots.iter().map(|listed| &listed.id).collect();
    assert_eq!(listed, [&made[2].id, &made[3].id, &made[4].id]);
    let live: usize = made[2..].iter().map(|manifest| manifest.parts.len()).sum();
    assert_eq!((fixture.parts(), fixture.manifests()), (live, 3));
    for gone in &made[..2] {
        let error = store.open(&gone.id).await.map(drop).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::NotFound);
        assert_eq!(store.attested(&gone.id).await.unwrap(), None);
    }
}

pub(crate) async fn only_what_the_leader_itself_passed_through_is_listed(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(50);
    let other = World::with_rows(50);
    other.change(&[Change::Put(9_000, 1)]);
    let forked = other.publish(&store).await.unwrap();
    world.change(&[Change::Put(9_001, 1)]);
    let mut leader = world.cataloguer(&store, 1);
    let entry = leader.round().await.unwrap().entry;
    assert_eq!(entry.find(&forked.id), None, "another history");

    world.change_uncommitted(&[Change::Count]);
    let early = world.publish(&store).await.unwrap();
    let entry = leader.round().await.unwrap().entry;
    assert_eq!(entry.find(&early.id), None, "not committed");
    world.commit();
    let entry = leader.round().await.unwrap().entry;
    assert!(entry.find(&early.id).is_some());
}

pub(crate) async fn of_two_leaders_racing_for_an_entry_one_wins_and_both_agree(
    fixture: &dyn Fixture,
) {
    let store = fixture.store();
    let world = World::with_rows(50);
    world.publish(&store).await.unwrap();
    let mut one = world.cataloguer_named(&store, 4, "one");
    let mut other = world.cataloguer_named(&store, 4, "other");
    for _ in 0..20 {
        world.change(&[Change::Count]);
        let manifest = world.publish(&store).await.unwrap();
        let (a, b) = tokio::join!(one.round(), other.round());
        let (a, b) = (a.unwrap(), b.unwrap());
        assert!(a.won || b.won);
        assert_eq!(a.entry.newest().unwrap().id, manifest.id);
        assert_eq!(b.entry.newest().unwrap().id, manifest.id);
        assert!(
            store
                .newest()
                .await
                .unwrap()
                .unwrap()
                .find(&manifest.id)
                .is_some()
        );
    }
}

pub(crate) async fn a_leader_of_a_lower_epoch_is_fenced(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(50);
    let mut old = world.cataloguer_named(&store, 1, "old");
    old.round().await.unwrap();
    let stale = store.newest().await.unwrap().unwrap();
    let mut new = world.cataloguer_named(&store, 2, "new");
    assert!(new.round().await.unwrap().won);
    world.publish(&store).await.unwrap();
    assert_eq!(*old.round().await.unwrap_err().kind(), ErrorKind::Fenced);
    // Even one that built on what it read before.
    let mut next = stale.clone();
    next.number += 1;
    next.nonce = "late".to_owned();
    let error = store.win_entry(&token(1, "old"), next.clone()).await;
    assert_eq!(*error.unwrap_err().kind(), ErrorKind::Fenced);
    next.number += 1;
    let error = store.win_entry(&token(1, "old"), next).await;
    assert_eq!(*error.unwrap_err().kind(), ErrorKind::Fenced);
    assert!(new.round().await.unwrap().won);
}

pub(crate) async fn two_publishers_of_one_milestone_are_listed_once(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(50);
    let first = world.publish(&store).await.unwrap();
    let second = world.publish(&store).await.unwrap();
    assert_ne!(first.id, second.id);
    let entry = world.cataloguer(&store, 1).round().await.unwrap().entry;
    assert_eq!(entry.snapshots.len(), 1);
}

pub(crate) async fn two_publishers_race_and_whatever_is_listed_restores(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(1_000);
    let twin = World::with_rows(1_000);
    let mut leader = world.cataloguer(&store, 1);
    for byte in 0..4 {
        let changes = [Change::Put(1, byte), Change::Put(2, byte)];
        world.change(&changes);
        twin.change(&changes);
        if byte % 2 == 0 {
            twin.change(&[Change::Count]);
            world.change(&[Change::Count]);
        }
        let (a, b, round) =
            tokio::join!(world.publish(&store), twin.publish(&store), leader.round());
        a.unwrap();
        b.unwrap();
        round.unwrap();
    }
    let entry = leader.round().await.unwrap().entry;
    let seqs: Vec<_> = entry
        .snapshots
        .iter()
        .map(|listed| listed.position.seq)
        .collect();
    assert!(seqs.is_sorted() && !seqs.is_empty(), "{seqs:?}");
    for listed in &entry.snapshots {
        store.verify(&listed.id).await.unwrap();
    }
    let restored = world.restore(&store).await.unwrap().unwrap();
    assert_eq!(world.replay(restored.machine), world.digest());
}

pub(crate) async fn the_log_is_trimmed_behind_two_verified_snapshots_only(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(50);
    let mut leader = world.cataloguer(&store, 1);
    assert_eq!(trimmable(&store, &mut leader).await, None);
    let (first, _) = world.next_snapshot(&store, &mut leader, 2).await.unwrap();
    assert_eq!(trimmable(&store, &mut leader).await, None);
    let (second, _) = world.next_snapshot(&store, &mut leader, 3).await.unwrap();
    assert_eq!(
        trimmable(&store, &mut leader).await,
        Some(first.position.seq)
    );

    // So much that it is a base of its own.
    let changes: Vec<_> = (0..200).map(|key| Change::Put(key, 4)).collect();
    world.change(&changes);
    let unproved = world
        .publisher(&store)
        .publish(world.capture(), &world.machine, Committed::Already)
        .await
        .unwrap();
    let entry = leader.round().await.unwrap().entry;
    assert!(!entry.find(&unproved.id).unwrap().verified);
    assert_eq!(
        trimmable(&store, &mut leader).await,
        Some(first.position.seq)
    );
    let publisher = world.publisher(&store);
    publisher
        .prove(&unproved.id, || world.empty())
        .await
        .unwrap();
    assert!(leader.round().await.unwrap().won);
    assert_eq!(
        trimmable(&store, &mut leader).await,
        Some(second.position.seq)
    );
}

pub(crate) async fn a_pin_holds_the_log(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(50);
    let mut leader = world.cataloguer(&store, 1);
    let (first, _) = world.next_snapshot(&store, &mut leader, 2).await.unwrap();
    let restored = world.restore(&store).await.unwrap().unwrap();
    for byte in 3..8 {
        world
            .next_snapshot(&store, &mut leader, byte)
            .await
            .unwrap();
    }
    assert_eq!(
        trimmable(&store, &mut leader).await,
        Some(first.position.seq)
    );
    let guard = PinGuard::new(token(1, "leader"), fixture.store());
    let needed = guard.lowest_needed().await.unwrap();
    assert_eq!(needed, Some(first.position.seq.next()));
    store.verify(&first.id).await.unwrap();

    restored.pin.release().await.unwrap();
    assert_eq!(guard.lowest_needed().await.unwrap(), None);
    assert!(trimmable(&store, &mut leader).await > Some(first.position.seq));
    world.next_snapshot(&store, &mut leader, 8).await.unwrap();
    let error = store.open(&first.id).await.map(drop).unwrap_err();
    assert_eq!(
        *error.kind(),
        ErrorKind::NotFound,
        "collected once nobody holds it"
    );
}

pub(crate) async fn a_damaged_snapshot_does_not_count_for_trimming(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(50);
    let mut leader = world.cataloguer(&store, 1);
    let (first, _) = world.next_snapshot(&store, &mut leader, 2).await.unwrap();
    let (second, _) = world.next_snapshot(&store, &mut leader, 3).await.unwrap();
    let (third, _) = world.next_snapshot(&store, &mut leader, 4).await.unwrap();
    assert_eq!(
        trimmable(&store, &mut leader).await,
        Some(second.position.seq)
    );
    fixture.remove_manifest(&third.id);
    assert_eq!(
        trimmable(&store, &mut leader).await,
        Some(first.position.seq)
    );
    fixture.remove_manifest(&first.id);
    assert_eq!(trimmable(&store, &mut leader).await, None);
}

pub(crate) async fn a_wrong_attestation_verifies_nothing(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(50);
    let publisher = world.publisher(&store);
    let captured = world.capture();
    let manifest = publisher
        .publish(captured, &world.machine, Committed::Already)
        .await
        .unwrap();
    let wrong = Attestation {
        format: ATTESTATION_FORMAT,
        cluster: cluster(),
        snapshot: manifest.id.clone(),
        holder: node("mad"),
        digest: Digest(1),
    };
    store.attest(&wrong).await.unwrap();
    let right = publisher
        .prove(&manifest.id, || world.empty())
        .await
        .unwrap();
    assert_eq!(right.digest, manifest.digest);
    let kept = store.attested(&manifest.id).await.unwrap();
    assert_eq!(kept, Some(wrong), "the first one stays");
    let entry = world.cataloguer(&store, 1).round().await.unwrap().entry;
    assert!(!entry.find(&manifest.id).unwrap().verified);
}

pub(crate) async fn an_upload_that_died_is_collected_in_the_end(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(50);
    let dead = store.begin().await.unwrap();
    let sections = (Section::GLOBALS, Section::GLOBALS);
    dead.put_part("orphan".into(), 1, sections).await.unwrap();
    let mut patient = world.cataloguer(&store, 1);
    for byte in 2..4 {
        world
            .next_snapshot(&store, &mut patient, byte)
            .await
            .unwrap();
    }
    let live =
        |entry: &CatalogEntry| -> u64 { entry.snapshots.iter().map(|listed| listed.bytes).sum() };
    let before = store.newest().await.unwrap().unwrap();
    assert!(
        before.oldest_upload <= dead.id().began_on,
        "it may be alive"
    );

    let policy = SnapshotPolicy {
        upload_expiry: Span::secs(0),
        ..small_parts()
    };
    let lineage = MachineLineage::new(Arc::clone(&world.machine), world.watermark());
    let mut hasty = Cataloguer::new(
        fixture.store(),
        token(1, "leader"),
        policy,
        Arc::new(lineage),
    );
    let (newest, round) = world.next_snapshot(&store, &mut hasty, 5).await.unwrap();
    assert!(round.entry.oldest_upload > dead.id().began_on);
    assert_eq!(round.collected.unwrap(), 1, "the orphan, and nothing else");
    assert!(live(&round.entry) > live(&before));
    for listed in &round.entry.snapshots {
        store.verify(&listed.id).await.unwrap();
    }
    assert_eq!(round.entry.newest().unwrap().id, newest.id);
}

pub(crate) async fn twins_are_listed_when_wanted_and_a_trim_relies_on_both(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(50);
    let mut leader = world.cataloguer(&store, 1);
    let publisher = world.publisher(&store).without_layers();
    let complete = async || {
        let committed = Committed::When(world.watermark());
        let published = publisher.publish(world.capture(), &world.machine, committed);
        let manifest = published.await.unwrap();
        publisher
            .prove(&manifest.id, || world.empty())
            .await
            .unwrap();
        manifest
    };
    let at = world.position().seq;
    let first = complete().await;
    let other = complete().await;
    assert_eq!(first.position, other.position);
    let entry = leader.round().await.unwrap().entry;
    assert_eq!(entry.snapshots.len(), 1, "one is enough");
    assert!(!leader.relies_from(at).await.unwrap());
    assert_eq!(trimmable(&store, &mut leader).await, None);

    leader.list_twins(true);
    let layer = world.publish(&store).await.unwrap();
    assert_eq!(layer.position, first.position);
    let wanted = complete().await;
    let entry = leader.round().await.unwrap().entry;
    assert_eq!(entry.find(&layer.id), None, "it shares its parts");
    assert!(entry.find(&wanted.id).unwrap().verified);
    assert!(leader.relies_from(at).await.unwrap());
    assert!(!leader.relies_from(at.next()).await.unwrap());
    assert_eq!(trimmable(&store, &mut leader).await, Some(at));
}
