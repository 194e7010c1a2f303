use std::slice;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use super::begun::BeginsNothing;
use super::parts::{
    append, batch, ensure_refused, epoch_start, fill, lead, noise, payloads, read_after, read_all,
    send,
};
use super::trial::LogTrial;
use super::twist::LogTwist;
use super::{Log, begins_anew, follower};
use crate::batch::Batch;
use crate::conformance::case::{Case, case};
use crate::conformance::failure::{Outcome, ensure, ensure_eq};
use crate::conformance::parts::{cluster, token};
use crate::election::LogId;
use crate::error::{ErrorKind, Result};
use crate::oplog::{Fencing, FollowerWriter, OpLogStore, OpLogWriter, ReadLimit};
use crate::words::{Chain, Epoch, FenceToken, Position, Seq};

pub(super) fn cases() -> Vec<Case<Log>> {
    vec![
        case!(
            what_a_follower_stores_is_the_primarys_log_byte_for_byte,
            ["FW-2", "FW-5", "OL-5"],
            needs [follower],
            twin StoresNothing
        ),
        case!(
            what_comes_together_is_stored_as_if_it_came_one_by_one,
            ["FW-2", "FW-5"],
            needs [follower],
            twin StoresTheFirst
        ),
        case!(
            h01_a_follower_promises_an_epoch_for_good,
            ["FW-1", "FW-4", "h01"],
            needs [follower],
            twin ForgetsItsPromise
        ),
        case!(
            a_follower_opened_again_goes_on_behind_what_it_stored,
            ["FW-1", "FW-5"],
            needs [follower],
            twin BeginsAgain
        ),
        case!(
            what_does_not_follow_is_refused_and_the_follower_lives,
            ["FW-2"],
            needs [follower],
            twin StoresNothing
        ),
        case!(
            h06_a_cut_comes_with_the_next_batch_or_not_at_all,
            ["FW-3", "h06"],
            needs [follower],
            twin CutsNothing
        ),
        case!(
            h06_of_two_dead_ends_the_one_of_the_higher_epoch_is_cut_as_well,
            ["FW-3", "FW-5", "h06"],
            needs [follower],
            twin CutsNothing
        ),
        case!(
            what_is_committed_is_never_cut,
            ["FW-3"],
            needs [follower],
            twin CutsAnything
        ),
        case!(
            who_is_let_in_proves_nothing_committed,
            ["FW-6"],
            needs [follower],
            twin MarksWhatItFinds
        ),
        case!(
            h11_a_follower_begins_anew_as_often_as_it_falls_behind,
            ["FW-1", "OL-12", "h11"],
            needs [follower, begins_anew],
            twin BeginsNothing
        ),
        case!(
            a_log_has_an_id_of_its_own,
            ["OL-15"],
            needs [follower],
            twin DrawsAnother::default()
        ),
    ]
}

/// Says that everything is stored.
struct StoresNothing;

#[async_trait]
impl LogTwist for StoresNothing {
    async fn append_verbatim(
        &self,
        follower: &mut dyn FollowerWriter,
        batches: &[Batch],
    ) -> Result<Position> {
        Ok(batches.last().map_or_else(|| follower.tail(), Batch::end))
    }
}

/// What a primary has written in its own log: EpochStart, then as many batches of 8 KiB, enough to fill some segments.
async fn written(trial: &LogTrial, epoch: u64, count: u8) -> Outcome<Vec<Batch>> {
    let store = trial.fresh().await?.open().await?;
    let mut writer = lead(&*store, epoch).await?;
    fill(&mut *writer, count).await?;
    Ok(read_all(&*store).await?)
}

async fn store_all(follower: &mut dyn FollowerWriter, batches: &[Batch]) -> Outcome {
    for batch in batches {
        let stored = follower.append_verbatim(slice::from_ref(batch)).await?;
        ensure_eq!(stored, batch.end(), "where a stored batch ends");
        ensure_eq!(follower.tail(), batch.end(), "the follower's tail");
    }
    Ok(())
}

fn frames(batches: &[Batch]) -> Vec<Bytes> {
    batches.iter().map(|batch| batch.frame().clone()).collect()
}

async fn what_a_follower_stores_is_the_primarys_log_byte_for_byte(trial: &LogTrial) -> Outcome {
    let sent = written(trial, 3, 40).await?;
    let log = trial.fresh().await?;
    let mut follower = log.open().await?.open_follower(&token(3)).await?;
    ensure_eq!(
        (follower.epoch(), follower.tail()),
        (Epoch(3), Position::genesis(cluster())),
        "epoch and tail of a fresh follower"
    );
    store_all(&mut *follower, &sent).await?;
    follower.mark_committed().await?;
    let read = read_all(&*log.open().await?).await?;
    ensure_eq!(frames(&read), frames(&sent), "what another handle reads");
    // The last batch that nobody marked is settled by whoever leads next.
    let more = batch(Epoch(3), follower.tail(), &[b"not marked"])?;
    store_all(&mut *follower, slice::from_ref(&more)).await?;
    drop(follower);
    let mut writer = log.open().await?.open_writer(&token(4)).await?;
    ensure_eq!(writer.tail(), more.end(), "where the next term begins");
    send(&mut *writer, &epoch_start(Epoch(4), more.end())?).await?;
    writer.mark_committed().await?;
    let read = read_all(&*log.open().await?).await?;
    ensure_eq!(
        read.get(sent.len()),
        Some(&more),
        "the batch that nobody marked"
    );
    Ok(())
}

/// Of batches that come together only the first is stored.
struct StoresTheFirst;

#[async_trait]
impl LogTwist for StoresTheFirst {
    async fn append_verbatim(
        &self,
        follower: &mut dyn FollowerWriter,
        batches: &[Batch],
    ) -> Result<Position> {
        follower
            .append_verbatim(batches.get(..1).unwrap_or_default())
            .await
    }
}

/// A follower that is behind is sent many at once.
async fn what_comes_together_is_stored_as_if_it_came_one_by_one(trial: &LogTrial) -> Outcome {
    let sent = written(trial, 3, 60).await?;
    let log = trial.fresh().await?;
    let (mut begin, mut tail) = (0, Position::genesis(cluster()));
    for (round, count) in [1, 2, 11, 30, 3, 9].into_iter().enumerate() {
        let epoch = 3 + round as u64 / 3;
        let mut follower = log.open().await?.open_follower(&token(epoch)).await?;
        ensure_eq!(follower.tail(), tail, "where the follower goes on");
        let all = sent.get(begin..).unwrap_or_default();
        let part = all.get(..count).unwrap_or(all);
        // With a hole nothing is stored.
        if let [first, _, rest @ ..] = part {
            let mut holed = vec![first.clone()];
            holed.extend_from_slice(rest);
            let answer = follower.append_verbatim(&holed).await;
            if rest.is_empty() {
                ensure_eq!(answer?, first.end(), "one batch of two");
            } else {
                ensure_refused(answer, &ErrorKind::Gap, "batches with a hole")?;
                ensure_eq!(follower.tail(), tail, "the tail after a refusal");
            }
        }
        tail = follower.append_verbatim(part).await?;
        ensure_eq!(part.last().map(Batch::end), Some(tail), "where they end");
        begin += count;
        // The last one once more, with what follows.
        let again = sent.get(begin - 1..).unwrap_or_default();
        let again = again.get(..2).unwrap_or(again);
        tail = follower.append_verbatim(again).await?;
        ensure_eq!(again.last().map(Batch::end), Some(tail), "where they end");
        begin += again.len() - 1;
        follower.mark_committed().await?;
    }
    let read = read_all(&*log.open().await?).await?;
    ensure_eq!(frames(&read), frames(&sent), "what is in the log");
    Ok(())
}

/// Opens followers of any epoch, and stores what they are given nowhere.
struct ForgetsItsPromise;

struct Anybody(Epoch, Position);

#[async_trait]
impl FollowerWriter for Anybody {
    fn epoch(&self) -> Epoch {
        self.0
    }

    fn tail(&self) -> Position {
        self.1
    }

    async fn append_verbatim(&mut self, batches: &[Batch]) -> Result<Position> {
        self.1 = batches.last().map_or(self.1, Batch::end);
        Ok(self.1)
    }

    async fn sync(&mut self) -> Result<()> {
        Ok(())
    }

    async fn mark_committed(&mut self) -> Result<()> {
        Ok(())
    }

    async fn cut_after(&mut self, position: Position, _committed: Seq) -> Result<Option<String>> {
        self.1 = position;
        Ok(None)
    }
}

#[async_trait]
impl LogTwist for ForgetsItsPromise {
    async fn open_follower(
        &self,
        store: &dyn OpLogStore,
        token: &FenceToken,
    ) -> Result<Box<dyn FollowerWriter>> {
        match store.open_follower(token).await {
            Err(error) if *error.kind() == ErrorKind::Fenced => {
                Ok(Box::new(Anybody(token.epoch, store.bounds().await?.tail)))
            }
            opened => opened,
        }
    }
}

async fn h01_a_follower_promises_an_epoch_for_good(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let store = log.open().await?;
    let mut old = store.open_follower(&token(5)).await?;
    let start = epoch_start(Epoch(5), old.tail())?;
    store_all(&mut *old, slice::from_ref(&start)).await?;
    // A lock lets one of them live.
    let zombie = (store.capabilities().fencing != Fencing::Lock).then_some(old);
    let mut new = log.open().await?.open_follower(&token(7)).await?;
    let late = batch(Epoch(5), start.end(), &[b"late"])?;
    if let Some(mut zombie) = zombie {
        for _ in 0..2 {
            let answer = zombie.append_verbatim(slice::from_ref(&late)).await;
            ensure_refused(answer, &ErrorKind::Fenced, "a batch of the old primary")?;
        }
        let mark = zombie.mark_committed().await;
        ensure_refused(mark, &ErrorKind::Fenced, "a mark of the old primary")?;
    }
    let next = epoch_start(Epoch(7), start.end())?;
    store_all(&mut *new, slice::from_ref(&next)).await?;
    drop(new);
    for store in [store, log.open().await?] {
        let mut other = token(7);
        other.nonce += 1;
        for refused in [token(5), token(6), other] {
            let what = format!("epoch {} with nonce {}", refused.epoch, refused.nonce);
            let opened = store.open_follower(&refused).await;
            ensure_refused(opened, &ErrorKind::Fenced, &what)?;
            let opened = store.open_writer(&refused).await;
            ensure_refused(opened, &ErrorKind::Fenced, &what)?;
        }
        ensure_eq!(store.bounds().await?.epoch, Epoch(7), "the promised epoch");
    }
    let again = log.open().await?.open_follower(&token(7)).await?;
    ensure_eq!(again.tail(), next.end(), "where the promised epoch goes on");
    Ok(())
}

/// Each opening forgets what was stored since.
struct BeginsAgain;

#[async_trait]
impl LogTwist for BeginsAgain {
    async fn open_follower(
        &self,
        store: &dyn OpLogStore,
        token: &FenceToken,
    ) -> Result<Box<dyn FollowerWriter>> {
        let follower = store.open_follower(token).await?;
        let genesis = Position::genesis(token.cluster);
        if follower.tail() == genesis {
            return Ok(follower);
        }
        Ok(Box::new(Anybody(token.epoch, genesis)))
    }
}

async fn a_follower_opened_again_goes_on_behind_what_it_stored(trial: &LogTrial) -> Outcome {
    let sent = written(trial, 2, 60).await?;
    let log = trial.fresh().await?;
    // By the primary of that term, by it again, and by the next one.
    for (part, epoch) in sent.chunks(13).zip([2, 2, 2, 3, 3]) {
        let mut follower = log.open().await?.open_follower(&token(epoch)).await?;
        let first = part.first().map(Batch::previous);
        ensure_eq!(
            Some(follower.tail().chain),
            first,
            "where the follower goes on"
        );
        store_all(&mut *follower, part).await?;
        // The answer was lost: it is sent again.
        store_all(&mut *follower, part.last().map_or(&[], slice::from_ref)).await?;
    }
    let mut follower = log.open().await?.open_follower(&token(3)).await?;
    follower.mark_committed().await?;
    let read = read_all(&*log.open().await?).await?;
    ensure_eq!(frames(&read), frames(&sent), "what is in the log");
    Ok(())
}

async fn what_does_not_follow_is_refused_and_the_follower_lives(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let mut follower = log.open().await?.open_follower(&token(2)).await?;
    let start = epoch_start(Epoch(2), follower.tail())?;
    let second = batch(Epoch(2), start.end(), &[b"second"])?;
    let third = batch(Epoch(2), second.end(), &[b"third"])?;
    let early = follower.append_verbatim(slice::from_ref(&second)).await;
    ensure_refused(early, &ErrorKind::Gap, "a batch that skips one")?;
    store_all(&mut *follower, &[start.clone(), second.clone()]).await?;
    let instead = batch(Epoch(2), start.end(), &[b"another second"])?;
    for (batch, what) in [(&start, "an older batch"), (&instead, "another batch")] {
        let answer = follower.append_verbatim(slice::from_ref(batch)).await;
        ensure_refused(answer, &ErrorKind::Gap, what)?;
    }
    let above = batch(Epoch(3), second.end(), &[b"of a higher epoch"])?;
    let answer = follower.append_verbatim(slice::from_ref(&above)).await;
    ensure_refused(
        answer,
        &ErrorKind::Invalid,
        "a batch above the promised epoch",
    )?;
    store_all(&mut *follower, slice::from_ref(&third)).await?;
    follower.mark_committed().await?;
    let read = payloads(&read_all(&*log.open().await?).await?)?;
    let wanted = [b"second".to_vec(), b"third".to_vec()];
    ensure_eq!(read, wanted, "what is in the log");
    Ok(())
}

/// Says that it cuts, and stores what comes then nowhere.
struct CutsNothing;

#[async_trait]
impl LogTwist for CutsNothing {
    async fn cut_after(
        &self,
        _follower: &mut dyn FollowerWriter,
        _position: Position,
        _committed: Seq,
    ) -> Result<Option<String>> {
        Ok(Some("nowhere".into()))
    }
}

async fn h06_a_cut_comes_with_the_next_batch_or_not_at_all(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let mut writer = lead(&*log.open().await?, 1).await?;
    let kept = append(&mut *writer, b"kept").await?;
    let dead = append(&mut *writer, b"dead").await?;
    drop(writer);
    for _ in 0..2 {
        let mut follower = log.open().await?.open_follower(&token(2)).await?;
        ensure_eq!(follower.tail(), dead.end(), "the tail before a cut");
        let saved = follower.cut_after(kept.end(), kept.last()).await?;
        ensure!(saved.is_some(), "what is cut was not saved");
        ensure_eq!(follower.tail(), kept.end(), "the tail after a cut");
        // And so it ends, before the next batch.
    }
    let mut follower = log.open().await?.open_follower(&token(2)).await?;
    follower.cut_after(kept.end(), kept.last()).await?;
    let start = epoch_start(Epoch(2), kept.end())?;
    let more = batch(
        Epoch(2),
        start.end(),
        &noise(1).chunks(99).collect::<Vec<_>>(),
    )?;
    store_all(&mut *follower, &[start, more.clone()]).await?;
    drop(follower);
    let mut follower = log.open().await?.open_follower(&token(2)).await?;
    let last = batch(Epoch(2), more.end(), &[b"last"])?;
    store_all(&mut *follower, slice::from_ref(&last)).await?;
    drop(follower);
    let mut writer = lead(&*log.open().await?, 3).await?;
    writer.mark_committed().await?;
    let read = payloads(&read_all(&*log.open().await?).await?)?;
    ensure_eq!(read.first(), Some(&b"kept".to_vec()), "what was kept");
    ensure_eq!(read.last(), Some(&b"last".to_vec()), "what came last");
    ensure!(!read.contains(&b"dead".to_vec()), "what was cut is read");
    Ok(())
}

/// A node led epoch 7 and wrote nothing but its EpochStart, which nobody else has; the others went on with what epoch 6
/// had written, and lead epoch 8.
async fn h06_of_two_dead_ends_the_one_of_the_higher_epoch_is_cut_as_well(
    trial: &LogTrial,
) -> Outcome {
    let log = trial.fresh().await?;
    let mut writer = lead(&*log.open().await?, 5).await?;
    let kept = append(&mut *writer, b"kept").await?;
    writer.mark_committed().await?;
    drop(writer);
    let writer = lead(&*log.open().await?, 7).await?;
    drop(writer);
    let six = epoch_start(Epoch(6), kept.end())?;
    let more = batch(Epoch(6), six.end(), &[b"of epoch 6"])?;
    let eight = epoch_start(Epoch(8), more.end())?;
    let last = batch(Epoch(8), eight.end(), &[b"of epoch 8"])?;
    let mut follower = log.open().await?.open_follower(&token(8)).await?;
    follower.cut_after(kept.end(), kept.last()).await?;
    store_all(&mut *follower, &[six, more]).await?;
    drop(follower);
    let mut follower = log.open().await?.open_follower(&token(8)).await?;
    store_all(&mut *follower, &[eight, last]).await?;
    follower.mark_committed().await?;
    let read = payloads(&read_all(&*log.open().await?).await?)?;
    let wanted = [&b"kept"[..], b"of epoch 6", b"of epoch 8"].map(<[u8]>::to_vec);
    ensure_eq!(read, wanted, "what is in the log");
    Ok(())
}

/// Cuts whatever it is told to.
struct CutsAnything;

#[async_trait]
impl LogTwist for CutsAnything {
    async fn cut_after(
        &self,
        follower: &mut dyn FollowerWriter,
        position: Position,
        committed: Seq,
    ) -> Result<Option<String>> {
        let cut = follower.cut_after(position, committed).await;
        Ok(cut.unwrap_or_else(|_| Some("somewhere".into())))
    }
}

async fn what_is_committed_is_never_cut(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let mut writer = lead(&*log.open().await?, 1).await?;
    let first = append(&mut *writer, b"first").await?;
    let second = append(&mut *writer, b"second").await?;
    let third = append(&mut *writer, b"third").await?;
    drop(writer);
    let mut follower = log.open().await?.open_follower(&token(2)).await?;
    let elsewhere = batch(Epoch(1), first.end(), &[b"elsewhere"])?.end();
    let refused = [
        (first.end(), Seq::ZERO, "what the log itself proves"),
        (second.end(), third.last(), "what the primary knows"),
        (elsewhere, Seq::ZERO, "to a Position that is not in it"),
    ];
    for (position, committed, what) in refused {
        let cut = follower.cut_after(position, committed).await;
        ensure_refused(cut, &ErrorKind::Invalid, &format!("cutting {what}"))?;
        ensure_eq!(follower.tail(), third.end(), "the tail after a refusal");
    }
    let nothing = follower.cut_after(third.end(), third.last()).await?;
    ensure_eq!(nothing, None, "what is cut behind the tail");
    let start = epoch_start(Epoch(2), third.end())?;
    store_all(&mut *follower, slice::from_ref(&start)).await?;
    drop(follower);
    // Nor does another opening cut what the primary has sent.
    let mut follower = log.open().await?.open_follower(&token(2)).await?;
    let late = follower.cut_after(third.end(), third.last()).await;
    ensure_refused(
        late,
        &ErrorKind::Invalid,
        "cutting what the primary has sent",
    )
}

/// Takes what it finds for committed.
struct MarksWhatItFinds;

#[async_trait]
impl LogTwist for MarksWhatItFinds {
    async fn open_writer(
        &self,
        store: &dyn OpLogStore,
        token: &FenceToken,
    ) -> Result<Box<dyn OpLogWriter>> {
        let mut writer = store.open_writer(token).await?;
        writer.mark_committed().await?;
        Ok(writer)
    }
}

/// Each node has a log: what the last one who led wrote last may be in no other, and whoever is elected next may lack it.
async fn who_is_let_in_proves_nothing_committed(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let mut writer = lead(&*log.open().await?, 1).await?;
    let kept = append(&mut *writer, b"kept").await?;
    let unsure = append(&mut *writer, b"unsure").await?;
    drop(writer);
    let mut follower = log.open().await?.open_follower(&token(2)).await?;
    follower.sync().await?;
    ensure_eq!(follower.tail(), unsure.end(), "the tail of a follower");
    drop(follower);
    let mut writer = log.open().await?.open_writer(&token(3)).await?;
    ensure_eq!(writer.tail(), unsure.end(), "the tail of a writer");
    let settled = writer.settled(kept.end(), ReadLimit::default()).await?;
    let wanted = slice::from_ref(&unsure);
    ensure_eq!(settled, wanted, "what a writer has settled");
    drop(writer);
    let bounds = log.open().await?.bounds().await?;
    ensure_eq!(bounds.tail, kept.end(), "the end of what is committed");
    let mut follower = log.open().await?.open_follower(&token(4)).await?;
    follower.cut_after(kept.end(), kept.last()).await?;
    let start = epoch_start(Epoch(4), kept.end())?;
    store_all(&mut *follower, slice::from_ref(&start)).await?;
    follower.mark_committed().await?;
    let read = payloads(&read_all(&*log.open().await?).await?)?;
    ensure_eq!(read, [b"kept".to_vec()], "what is in the log");
    Ok(())
}

/// Each time behind a later snapshot, all in one term of the primary.
async fn h11_a_follower_begins_anew_as_often_as_it_falls_behind(trial: &LogTrial) -> Outcome {
    let log = trial.fresh().await?;
    let mut after = Position::genesis(cluster());
    for seq in [0, 50, 90] {
        if seq > 0 {
            after = Position {
                epoch: Epoch(2),
                seq: Seq(seq),
                chain: Chain::of(&[7]),
            };
            log.open().await?.begin_at(&token(2), after).await?;
        }
        let mut follower = log.open().await?.open_follower(&token(2)).await?;
        ensure_eq!(follower.tail(), after, "where the follower goes on");
        let sent = batch(Epoch(2), after, &[b"behind a snapshot"])?;
        store_all(&mut *follower, slice::from_ref(&sent)).await?;
        follower.mark_committed().await?;
        drop(follower);
        let store = log.open().await?;
        let bounds = store.bounds().await?;
        ensure_eq!(
            (bounds.before_floor, bounds.tail),
            (after, sent.end()),
            "the ends of the log"
        );
        ensure_eq!(read_after(&*store, after).await?, [sent], "what is in it");
    }
    Ok(())
}

/// Draws an id each time.
#[derive(Default)]
struct DrawsAnother(Mutex<u128>);

#[async_trait]
impl LogTwist for DrawsAnother {
    async fn log_id(&self, store: &dyn OpLogStore) -> Result<LogId> {
        let id = store.log_id().await?;
        let mut drawn = self.0.lock();
        *drawn += 1;
        Ok(LogId(id.0.wrapping_add(*drawn)))
    }
}

async fn a_log_has_an_id_of_its_own(trial: &LogTrial) -> Outcome {
    let log = trial.blank().await?;
    let before = log.open().await?.log_id().await;
    ensure_refused(
        before,
        &ErrorKind::NotFound,
        "the id of a log of no cluster",
    )?;
    log.open().await?.init(cluster()).await?;
    let (first, second) = (log.open().await?, log.open().await?);
    let id = first.log_id().await?;
    ensure_eq!(second.log_id().await?, id, "the id, asked for again");
    let mut follower = second.open_follower(&token(2)).await?;
    let start = epoch_start(Epoch(2), follower.tail())?;
    store_all(&mut *follower, slice::from_ref(&start)).await?;
    drop(follower);
    ensure_eq!(
        log.open().await?.log_id().await?,
        id,
        "the id of a log that is filled"
    );
    let other = trial.fresh().await?.open().await?.log_id().await?;
    ensure!(other != id, "two logs have one id");
    Ok(())
}
