use std::sync::atomic::Ordering;

use bytes::Bytes;
use object_store::path::Path;
use standfast_core::{CatalogEntry, ErrorKind, FenceToken, Result, Won};

use super::documents::decode_ours;
use super::error::fail;
use super::layout::entry_number;
use super::rules;
use super::space::BucketSpace;

impl BucketSpace {
    /// The newest catalog entry, proved to build on the one before.
    ///
    /// In a bucket that was emptied, and then claimed anew by an operator (`cluster init`), the catalog begins again: whoever
    /// knows more of it forgets that. Without the claim it is damage.
    pub(super) async fn newest(&self) -> Result<Option<CatalogEntry>> {
        match self.newest_known().await {
            Err(error)
                if *error.kind() == ErrorKind::Corrupt && self.was_claimed_anew().await? =>
            {
                tracing::warn!(%error, "the bucket was emptied and claimed anew: its catalog begins again");
                self.known.store(0, Ordering::Relaxed);
                *self.newest.lock() = None;
                self.newest_known().await
            }
            newest => newest,
        }
    }

    async fn newest_known(&self) -> Result<Option<CatalogEntry>> {
        let number = self.newest_number().await?;
        if number == 0 {
            return Ok(None);
        }
        // What was read is read again only when its object is another: two looks while nothing happens, and no more bytes.
        let now = self.objects.head(&self.layout.entry(number)).await?;
        let Some(now) = now else {
            // A head says nothing of why: a bucket that is not there is told by what answers to a read.
            self.entry(number).await?;
            return Err(missing(number));
        };
        if let Some((entry, read)) = &*self.newest.lock()
            && entry.number == number
            && *read == now
        {
            return Ok(Some(entry.clone()));
        }
        let (entry, _) = self.entry(number).await?;
        if entry.previous == self.hash_before(number).await? {
            *self.newest.lock() = Some((entry.clone(), now));
            return Ok(Some(entry));
        }
        Err(fail(
            ErrorKind::Corrupt,
            "read catalog",
            format!(
                "entry {number} was built on other bytes than entry {} has now",
                number - 1
            ),
        ))
    }

    /// The number of the newest entry, 0 when there is none. Entries are never deleted and their numbers are
    /// dense, so a hole is damage: the bucket was cut or rolled back.
    ///
    /// Once listed, one look at the next number tells that nothing came: leaders ask twice a second, and a directory
    /// is listed whole however high the offset.
    async fn newest_number(&self) -> Result<u64> {
        let known = self.known.load(Ordering::Relaxed);
        if known > 0 {
            let next = self.layout.entry(known + 1);
            if self.objects.head(&next).await?.is_none() {
                return Ok(known);
            }
        }
        let hint = self.hint().await;
        let folder = self.layout.folder("catalog");
        let listed = match hint {
            0 => self.objects.list(&folder).await?,
            hint => {
                let offset = self.layout.entry(hint - 1);
                self.objects.list_after(&folder, &offset).await?
            }
        };
        let mut newest = hint.saturating_sub(1);
        for number in listed
            .iter()
            .filter_map(|meta| entry_number(&meta.location))
        {
            if number != newest + 1 {
                return Err(missing(newest + 1));
            }
            newest = number;
        }
        if newest < hint {
            return Err(missing(hint).context(format!(
                "`{}` names it: if it is the hint that is damaged, delete it",
                self.layout.hint()
            )));
        }
        self.known.fetch_max(newest, Ordering::Relaxed);
        Ok(newest)
    }

    /// The entry with this number, and its stored bytes.
    async fn entry(&self, number: u64) -> Result<(CatalogEntry, Bytes)> {
        let path = self.layout.entry(number);
        let bytes = self
            .objects
            .get(&path)
            .await?
            .ok_or_else(|| missing(number))?;
        let entry = self.decode_entry(&path, number, &bytes).await?;
        Ok((entry, bytes))
    }

    async fn decode_entry(&self, path: &Path, number: u64, bytes: &[u8]) -> Result<CatalogEntry> {
        let entry: CatalogEntry = decode_ours(path.as_ref(), bytes, self.cluster().await?)?;
        if entry.number == number {
            return Ok(entry);
        }
        Err(fail(
            ErrorKind::Corrupt,
            "read catalog",
            format!("catalog entry `{path}` says it is number {}", entry.number),
        ))
    }

    /// BLAKE3 of the stored bytes of the entry before, hex; empty for the first.
    async fn hash_before(&self, number: u64) -> Result<String> {
        if number <= 1 {
            return Ok(String::new());
        }
        let (_, bytes) = self.entry(number - 1).await?;
        Ok(hash(&bytes))
    }

    /// Tries to create an entry. See [`standfast_core::SnapshotStore::win_entry`].
    pub(super) async fn win(&self, token: &FenceToken, mut next: CatalogEntry) -> Result<Won> {
        self.check_cluster("token", token.cluster).await?;
        rules::check_own(token, &next)?;
        let base = match next.number {
            1 => None,
            number => Some(self.entry(number - 1).await?),
        };
        if let Some((base, _)) = &base {
            check_epoch(base, &next)?;
        }
        let below = base.as_ref().map(|(base, _)| base);
        let fits = rules::check_successor(self, below, &next).await;
        next.previous = base.map_or_else(String::new, |(_, bytes)| hash(&bytes));
        let path = self.layout.entry(next.number);
        if let Err(error) = fits {
            // What it lists may be gone because the number is: then that is the answer.
            return self.taken(&path, &next).await?.ok_or(error);
        }
        if let Some(bytes) = self.create(&path, &next).await? {
            let winner = self.decode_entry(&path, next.number, &bytes).await?;
            check_epoch(&winner, &next)?;
            return Ok(Won::No);
        }
        self.check_base(&next).await?;
        self.leave_hint(next.number).await;
        Ok(Won::Yes(Box::new(next)))
    }

    /// Whether what an entry was built on is still there after it was written. In a bucket that was emptied meanwhile the name
    /// was free, and whatever the catalog is now, the entry is none of it: it is deleted, which harms nobody, for a catalog
    /// with a hole is read by nobody.
    async fn check_base(&self, won: &CatalogEntry) -> Result<()> {
        match self.hash_before(won.number).await {
            Ok(hash) if hash == won.previous => return Ok(()),
            Err(error) if *error.kind() != ErrorKind::Corrupt => return Err(error),
            _ => {}
        }
        self.objects.delete(&self.layout.entry(won.number)).await?;
        Err(missing(won.number - 1)
            .context(format!("it is what entry {} was built on", won.number)))
    }

    /// Refuses what a bucket that is to be claimed still holds of a catalog that is not whole.
    pub(super) async fn check_whole(&self) -> Result<()> {
        let listed = self.objects.list(&self.layout.folder("catalog")).await?;
        let numbers = listed
            .iter()
            .filter_map(|meta| entry_number(&meta.location));
        let mut newest = 0;
        for number in numbers {
            if number != newest + 1 {
                return Err(missing(newest + 1).context(self.not_empty()));
            }
            newest = number;
        }
        let hint = self.hint().await;
        if hint > newest {
            return Err(missing(hint).context(self.not_empty()));
        }
        Ok(())
    }

    fn not_empty(&self) -> String {
        format!(
            "`{}` has no fingerprint and is not empty: put back what is missing, or delete everything below it",
            self.layout.cluster()
        )
    }

    /// Who has the number of `next`, if somebody does.
    async fn taken(&self, path: &Path, next: &CatalogEntry) -> Result<Option<Won>> {
        let Some(bytes) = self.objects.get(path).await? else {
            return Ok(None);
        };
        let winner = self.decode_entry(path, next.number, &bytes).await?;
        check_epoch(&winner, next)?;
        let ours = winner == *next;
        Ok(Some(if ours {
            Won::Yes(Box::new(winner))
        } else {
            Won::No
        }))
    }

    /// Refuses an entry that was never won, or is not as it was stored.
    pub(super) async fn check_won(&self, entry: &CatalogEntry) -> Result<()> {
        let (stored, _) = self.entry(entry.number).await?;
        if stored == *entry {
            return Ok(());
        }
        Err(fail(
            ErrorKind::Invalid,
            "collect",
            format!(
                "catalog entry {} is stored with other content",
                entry.number
            ),
        ))
    }

    /// A number at or below the newest; 0 when nothing is known. A hint that cannot be read is no hint.
    async fn hint(&self) -> u64 {
        let known = self.known.load(Ordering::Relaxed);
        if known > 0 {
            return known;
        }
        let stored = self.objects.get(&self.layout.hint()).await.ok().flatten();
        stored
            .and_then(|bytes| std::str::from_utf8(&bytes).ok()?.trim().parse().ok())
            .unwrap_or(0)
    }

    /// Written after the entry is durable, so that a hint is never above the newest.
    async fn leave_hint(&self, number: u64) {
        self.known.fetch_max(number, Ordering::Relaxed);
        let written = self
            .objects
            .replace(&self.layout.hint(), format!("{number}\n").into())
            .await;
        if let Err(error) = written {
            tracing::debug!(%error, number, "catalog hint not written: listings take longer");
        }
    }
}

/// SS-3, and the quicker answer when a successor has won the number already.
fn check_epoch(theirs: &CatalogEntry, ours: &CatalogEntry) -> Result<()> {
    if theirs.epoch <= ours.epoch {
        return Ok(());
    }
    Err(fail(
        ErrorKind::Fenced,
        "win catalog entry",
        format!(
            "entry {} is of epoch {} by {}, ours is {}",
            theirs.number, theirs.epoch, theirs.writer, ours.epoch
        ),
    ))
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn missing(number: u64) -> standfast_core::Error {
    fail(
        ErrorKind::Corrupt,
        "read catalog",
        format!(
            "catalog entry {number} is missing: entries are never deleted, so the bucket was cut or rolled back"
        ),
    )
}
