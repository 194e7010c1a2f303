use std::fmt::Debug;

use async_trait::async_trait;

/// The way from one handle to its storage, with every single call of it in the suite's hand: what a stalled process, a slow
/// disk or a lost packet do, at a place of one's choosing.
///
/// A *call* is whatever the storage sees as one: a write, a sync, a listing, a request. Calls are counted from 0 when the
/// handle is opened, in the order in which they reach the storage.
#[async_trait]
pub trait Wire: Send + Sync + Debug {
    /// How many calls have been made.
    fn calls(&self) -> u64;

    /// Holds the call with this number before it is done, and with it everything that comes after on this wire.
    fn hold_at(&self, call: u64);

    /// Waits until a call is held.
    ///
    /// # Cancel safety
    /// Cancel safe: changes nothing.
    async fn held(&self);

    /// Lets everything go on, now and from now on.
    fn release(&self);

    /// Does the call with this number and lets it fail all the same: the answer is lost.
    fn lose_answer_at(&self, call: u64);
}
