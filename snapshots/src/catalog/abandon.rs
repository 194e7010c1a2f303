use standfast_core::{Error, ErrorKind, Result, SnapshotId, Won};

use super::cataloguer::{ATTEMPTS, Cataloguer};
use super::draft::Draft;

impl Cataloguer {
    /// Takes every snapshot newer than `restored` out of the catalog, all when it is `None`, and revokes their uploads:
    /// they are of a history that is given up, or cannot be read. Whatever they hold is deleted by a later round.
    ///
    /// # Errors
    /// As [`Self::round`].
    ///
    /// # Cancel safety
    /// As [`Self::round`].
    pub async fn abandon_newer(
        &mut self,
        restored: Option<&SnapshotId>,
    ) -> Result<Vec<SnapshotId>> {
        for _ in 0..ATTEMPTS {
            let newest = self.newest().await?;
            let mut draft = Draft::on(newest.as_ref());
            draft.abandon_newer(&*self.store, restored).await?;
            if !draft.changed {
                return Ok(Vec::new());
            }
            let next = draft.into_entry(self.author());
            if let Won::Yes(entry) = self.store.win_entry(&self.token, next).await? {
                return Ok(entry.retired);
            }
        }
        Err(Error::new(ErrorKind::Busy, "win catalog entry")
            .context(format!("others won the number {ATTEMPTS} times in a row")))
    }
}
