use std::sync::Arc;

use standfast_core::{ErrorKind, Section};
use standfast_snapshots::Committed;
use tokio::sync::watch;

use super::Fixture;
use super::interposed::{Fault, interpose};
use super::world::{Change, World};

pub(crate) async fn ten_thousand_objects_come_back(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(10_000);
    world.change(&[Change::Count, Change::Remove(77)]);
    let manifest = world.publish(&store).await.unwrap();
    assert!(manifest.parts.len() > 50, "{} parts", manifest.parts.len());
    let order: Vec<_> = Section::all().map(Section::number).collect();
    let place = |number| order.iter().position(|section| *section == number);
    assert_eq!(manifest.parts[0].first_section, Section::GLOBALS.number());
    for pair in manifest.parts.windows(2) {
        assert!(place(pair[0].last_section) < place(pair[1].first_section));
    }
    let round = world.cataloguer(&store, 1).round().await.unwrap();
    assert!(round.won && round.entry.newest().unwrap().verified);
    world.change(&[Change::Put(5, 9), Change::Remove(6), Change::Count]);

    let restored = world.restore(&store).await.unwrap().unwrap();

    assert_eq!(restored.machine.digest(), manifest.digest);
    assert_eq!(restored.machine.position(), manifest.position);
    assert_eq!(
        restored.machine.rows(),
        manifest.rows() - 1,
        "the counter is no row of the map"
    );
    assert_eq!(world.replay(restored.machine), world.digest());
    restored.pin.release().await.unwrap();
    assert_eq!(store.pins().await.unwrap(), []);
    store.verify(&manifest.id).await.unwrap();
}

pub(crate) async fn an_empty_state_comes_back(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::new(false);
    let manifest = world.publish(&store).await.unwrap();
    assert_eq!(manifest.parts, []);
    world.cataloguer(&store, 1).round().await.unwrap();
    let restored = world.restore(&store).await.unwrap().unwrap();
    assert_eq!(restored.machine.position(), world.position());
}

/// Everything that can run runs, and the future is not done.
async fn stands_still<T: std::fmt::Debug>(future: &mut (impl Future<Output = T> + Unpin)) {
    for _ in 0..2_000 {
        tokio::select! {
            biased;
            done = &mut *future => panic!("did not wait: {done:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
}

pub(crate) async fn a_proposal_waits_until_its_position_is_committed(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(100);
    world.change_uncommitted(&[Change::Count]);
    let (layer, calls) = interpose(&store, Fault::None);
    let publisher = world.publisher(&layer);
    let captured = world.capture();
    let committed = Committed::When(world.watermark());
    let mut publishing = Box::pin(publisher.publish(captured, &world.machine, committed));
    let parts_up = async {
        while calls.count() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        done = &mut publishing => panic!("proposed before the commit: {done:?}"),
        () = parts_up => {}
    }
    stands_still(&mut publishing).await;
    assert_eq!(store.proposals().await.unwrap(), []);
    world.commit();
    let manifest = publishing.await.unwrap();
    assert_eq!(store.proposals().await.unwrap(), [manifest.id]);
}

pub(crate) async fn a_proposal_of_a_term_that_ends_is_never_made(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(100);
    let watermark = watch::Sender::new(standfast_core::Position::default());
    let committed = Committed::When(watermark.subscribe());
    drop(watermark);
    let publisher = world.publisher(&store);
    let failed = publisher
        .publish(world.capture(), &world.machine, committed)
        .await;
    assert_eq!(*failed.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(store.proposals().await.unwrap(), []);
    drop(world.capture());
}

pub(crate) async fn a_second_capture_at_the_same_time_is_refused(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(100);
    let captured = world.capture();
    let second = world.machine.lock().capture();
    assert_eq!(*second.unwrap_err().kind(), ErrorKind::Busy);
    let publisher = world.publisher(&store);
    publisher
        .publish(captured, &world.machine, Committed::Already)
        .await
        .unwrap();
    drop(world.capture());
}

pub(crate) async fn a_cancelled_publication_ends_its_capture(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(2_000);
    let (layer, calls) = interpose(&store, Fault::FreezeBefore(2));
    let publisher = world.publisher(&layer);
    let publishing = publisher.publish(world.capture(), &world.machine, Committed::Already);
    tokio::select! {
        done = publishing => panic!("a frozen store answered: {done:?}"),
        () = calls.frozen() => {}
    }
    let machine = Arc::clone(&world.machine);
    let free = async move {
        loop {
            let captured = machine.lock().capture();
            if let Ok(captured) = captured {
                return captured;
            }
            tokio::task::yield_now().await;
        }
    };
    drop(free.await);
}

pub(crate) async fn parts_in_memory_are_bounded_up_and_down(fixture: &dyn Fixture) {
    let store = fixture.store();
    let world = World::with_rows(5_000);
    let (layer, up) = interpose(&store, Fault::FreezeFrom(1));
    let mut publishing = Box::pin(world.publish(&layer));
    tokio::select! {
        done = &mut publishing => panic!("a frozen store answered: {done:?}"),
        () = async { while up.most_parts() < 2 { tokio::task::yield_now().await } } => {}
    }
    stands_still(&mut publishing).await;
    assert_eq!(
        up.most_parts(),
        2,
        "parts that left the state and are not stored"
    );
    up.thaw_all();
    let manifest = publishing.await.unwrap();
    assert!(manifest.parts.len() > 20);
    world.cataloguer(&store, 1).round().await.unwrap();

    let (layer, down) = interpose(&store, Fault::None);
    let begun = Arc::clone(&down);
    let loaded = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let worst = Arc::clone(&loaded);
    let parts: std::collections::BTreeMap<_, _> = manifest
        .parts
        .iter()
        .scan(0, |sum, part| {
            *sum += part.size;
            Some(*sum)
        })
        .zip(1..)
        .collect();
    let restorer = world.restorer(&layer).on_progress(move |progress| {
        let done: usize = parts.get(&progress.done_bytes).copied().unwrap_or(0);
        // newest, pin, newest, open come first; the part just loaded gave its place back.
        let read = begun.count().saturating_sub(4);
        worst.fetch_max(
            read.saturating_sub(done),
            std::sync::atomic::Ordering::SeqCst,
        );
    });
    let restored = restorer.restore(|| world.empty()).await.unwrap().unwrap();
    assert_eq!(restored.machine.digest(), manifest.digest);
    assert!(
        down.most_parts() <= 2,
        "{} downloads at once",
        down.most_parts()
    );
    let ahead = loaded.load(std::sync::atomic::Ordering::SeqCst);
    assert!(ahead <= 2, "{ahead} parts were read ahead of loading");
}

pub(crate) async fn a_snapshot_is_proved_with_and_without_a_scratch_state(fixture: &dyn Fixture) {
    let store = fixture.store();
    for sums in [true, false] {
        let world = World::new(sums);
        world.change(&[Change::Put(1, 1), Change::Put(2, 2), Change::Count]);
        let manifest = world.publish(&store).await.unwrap();
        let attested = store.attested(&manifest.id).await.unwrap().unwrap();
        assert_eq!(attested.digest, world.digest());

        let mut wrong = manifest.clone();
        wrong.id = standfast_core::SnapshotId::new(manifest.position.seq, 900 + u64::from(sums));
        wrong.digest = standfast_core::Digest(7);
        store.propose(&wrong).await.unwrap();
        let publisher = world.publisher(&store);
        let error = publisher
            .prove(&wrong.id, || world.empty())
            .await
            .unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Corrupt, "{error}");
        assert_eq!(store.attested(&wrong.id).await.unwrap(), None);
    }
}
