use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use standfast_core::{
    CatalogEntry, Error, ErrorKind, FenceToken, Listed, Manifest, PartRef, Result, Seq, SnapshotId,
    SnapshotStore, Won,
};

use super::draft::{Author, Draft};
use super::lineage::{Lineage, Verdict};
use super::seen::Seen;
use crate::metrics;
use crate::policy::SnapshotPolicy;
use crate::restore::is_damage;

/// How often an entry is built again after another won its number.
pub(super) const ATTEMPTS: u32 = 16;

/// The leader's hand on the catalog, for one term.
///
/// Nothing of it is on the path of a promotion: the first round of a term, whenever it comes, wins an entry that raises
/// the epoch, and from then on no leader of a lower epoch can win one.
pub struct Cataloguer {
    pub(super) store: Arc<dyn SnapshotStore>,
    pub(super) token: FenceToken,
    pub(super) policy: SnapshotPolicy,
    lineage: Arc<dyn Lineage>,
    entries_built: u64,
    /// Proposals that can never be listed: looked at once.
    passed_over: BTreeSet<SnapshotId>,
    /// Snapshots whose attestations are no good: told of once.
    unattested: BTreeSet<SnapshotId>,
    /// Catalog numbers.
    seen: Seen<u64>,
    /// How far the log could be trimmed, if it were not for the delay.
    pub(super) trimmable: Seen<Seq>,
    /// The same as one entry has it, by its number.
    pub(super) trim_limit: Option<(u64, Option<Seq>)>,
    /// Whether something may be left to delete.
    pub(super) collect_due: bool,
    /// Whether a complete snapshot is listed though the newest one stands at the same place.
    lists_twins: bool,
}

/// What a round did.
#[derive(Debug)]
pub struct Round {
    /// The newest entry, ours or not.
    pub entry: CatalogEntry,
    /// Whether this round won it.
    pub won: bool,
    /// Objects deleted; or why deleting failed, which is tried again: by the next round, or, when something is damaged,
    /// after the next entry.
    pub collected: Result<u64>,
}

impl fmt::Debug for Cataloguer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cataloguer")
            .field("store", &self.store)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

impl Cataloguer {
    /// For the term of `token`.
    pub fn new(
        store: Arc<dyn SnapshotStore>,
        token: FenceToken,
        policy: SnapshotPolicy,
        lineage: Arc<dyn Lineage>,
    ) -> Self {
        Self {
            store,
            token,
            policy,
            lineage,
            entries_built: 0,
            passed_over: BTreeSet::new(),
            unattested: BTreeSet::new(),
            seen: Seen::nothing(),
            trimmable: Seen::nothing(),
            trim_limit: None,
            collect_due: true,
            lists_twins: false,
        }
    }

    /// Whether to list, from the next round on, a complete snapshot though the newest one stands at the same place. A log
    /// that has reached its limit grows no further: what its trim relies on can only be made where it stands.
    pub fn list_twins(&mut self, yes: bool) {
        self.lists_twins = yes;
    }

    /// Looks at everything once: lists the proposals that are of this history, marks as verified what was attested,
    /// retires what is not kept, wins the entry that says so if there is anything to say, then collects.
    ///
    /// # Errors
    /// `Fenced`: a leader of a higher epoch has won an entry; the term is over. Those of the store: call again.
    ///
    /// # Cancel safety
    /// An entry may or may not have been won, objects may be left; call again.
    pub async fn round(&mut self) -> Result<Round> {
        let round = self.whole_round().await;
        match &round {
            Ok(round) => metrics::catalog(&round.entry),
            Err(error) => metrics::failed("catalog", error),
        }
        round
    }

    async fn whole_round(&mut self) -> Result<Round> {
        let policy = self.policy.clone();
        let Settled { entry, won, .. } = self.settle_entry(&policy).await?;
        let collected = if self.collect_due {
            self.collect(&entry).await
        } else {
            Ok(0)
        };
        // What is damaged stays so: the next entry is soon enough to look again.
        self.collect_due = collected.as_ref().is_err_and(Error::retry);
        Ok(Round {
            entry,
            won,
            collected,
        })
    }

    /// Says everything there is to say.
    pub(super) async fn settle_entry(&mut self, policy: &SnapshotPolicy) -> Result<Settled> {
        for _ in 0..ATTEMPTS {
            let newest = self.newest().await?;
            let draft = self.draft(newest.as_ref(), policy).await?;
            if let Some(newest) = newest
                && !draft.changed
                && newest.epoch == self.token.epoch
            {
                return Ok(Settled {
                    entry: newest,
                    won: false,
                    retired: Vec::new(),
                });
            }
            let retired = draft.retired.clone();
            let next = draft.into_entry(self.author());
            if let Won::Yes(entry) = self.store.win_entry(&self.token, next).await? {
                self.seen.saw(entry.number);
                self.collect_due = true;
                return Ok(Settled {
                    entry: *entry,
                    won: true,
                    retired,
                });
            }
        }
        Err(Error::new(ErrorKind::Busy, "win catalog entry")
            .context(format!("others won the number {ATTEMPTS} times in a row")))
    }

    pub(super) async fn newest(&mut self) -> Result<Option<CatalogEntry>> {
        let newest = self.store.newest().await?;
        if self
            .seen
            .is_beyond(newest.as_ref().map_or(0, |entry| entry.number))
        {
            // The catalog was lost and begins again: uploads are numbered anew.
            self.seen = Seen::nothing();
            self.trim_limit = None;
        }
        let Some(entry) = &newest else {
            return Ok(None);
        };
        self.seen.saw(entry.number);
        if entry.epoch > self.token.epoch {
            return Err(
                Error::new(ErrorKind::Fenced, "win catalog entry").context(format!(
                    "entry {} is of epoch {} by {}, ours is {}",
                    entry.number, entry.epoch, entry.writer, self.token.epoch
                )),
            );
        }
        Ok(newest)
    }

    pub(super) async fn draft(
        &mut self,
        newest: Option<&CatalogEntry>,
        policy: &SnapshotPolicy,
    ) -> Result<Draft> {
        let mut draft = Draft::on(newest);
        self.list_proposals(&mut draft).await?;
        draft.verify(&*self.store, &mut self.unattested).await?;
        draft.retire(&*self.store, policy).await?;
        if let Some(number) = self.seen.long_ago(self.policy.upload_expiry.0) {
            draft.revoke_before(number);
        }
        Ok(draft)
    }

    async fn list_proposals(&mut self, draft: &mut Draft) -> Result<()> {
        let listed: BTreeSet<_> = draft.snapshots.iter().map(|l| l.id.clone()).collect();
        let proposals = self.store.proposals().await?;
        self.passed_over.retain(|id| proposals.contains(id));
        for id in proposals {
            if listed.contains(&id) || self.passed_over.contains(&id) {
                continue;
            }
            let judged = match self.store.open(&id).await {
                Ok(reader) => self.judge(draft, reader.manifest()).await?,
                Err(error) if is_damage(&error) => Judged::PassOver(error.to_string()),
                Err(error) if error.retry() => return Err(error),
                // Of this one alone, perhaps, and for a while: others are listed.
                Err(error) => {
                    tracing::debug!(%error, snapshot = %id, "proposal cannot be read");
                    Judged::Wait
                }
            };
            match judged {
                Judged::List(manifest) => draft.add(&manifest),
                Judged::Wait => {}
                Judged::PassOver(why) => {
                    tracing::info!(snapshot = %id, why, "proposal passed over");
                    self.passed_over.insert(id);
                }
            }
        }
        Ok(())
    }

    /// Two nodes that captured at the same milestone propose the same state twice: one is enough, unless twins are
    /// wanted.
    async fn judge(&self, draft: &Draft, manifest: &Manifest) -> Result<Judged> {
        let pass_over = |why: &str| Judged::PassOver(why.to_owned());
        let (newest, seq) = (draft.newest_seq(), Some(manifest.position.seq));
        let is_twin = self.lists_twins && newest == seq && manifest.layers.is_empty();
        if newest >= seq && !is_twin {
            return Ok(pass_over("not newer than what is listed"));
        }
        if manifest.check_layers().is_err() {
            return Ok(pass_over("its layers are not what they can be"));
        }
        let later = |part: &PartRef| part.upload.began_on > draft.base_number;
        if manifest.parts.iter().any(later) {
            return Ok(pass_over(
                "of a catalog that is lost, and perhaps its parts",
            ));
        }
        if draft.is_revoked(&*self.store, manifest).await? {
            return Ok(pass_over("an upload it needs was revoked"));
        }
        Ok(
            match self.lineage.judge(manifest.position, manifest.digest) {
                Verdict::Same => Judged::List(Box::new(manifest.clone())),
                Verdict::NotYet => Judged::Wait,
                Verdict::Other => pass_over("of another history, or with another digest than ours"),
                Verdict::Forgotten => pass_over("too old to compare"),
            },
        )
    }

    pub(super) fn author(&mut self) -> Author {
        self.entries_built += 1;
        Author {
            cluster: self.token.cluster,
            epoch: self.token.epoch,
            writer: self.token.holder.clone(),
            nonce: format!("{:032x}-{}", self.token.nonce, self.entries_built),
        }
    }
}

/// The newest entry, after everything there is to say was said.
pub(super) struct Settled {
    pub(super) entry: CatalogEntry,
    pub(super) won: bool,
    pub(super) retired: Vec<Listed>,
}

/// What becomes of a proposal.
enum Judged {
    List(Box<Manifest>),
    Wait,
    PassOver(String),
}
