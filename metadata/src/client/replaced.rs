use standfast_core::Refusal;

use super::inner::Inner;
use super::metadata_client::MetadataClient;
use crate::v1;

/// A segment that a client lends no more, because another client took its place: one of the same name at the same endpoint,
/// or the same segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The segment's name.
    pub name: String,
    /// Who took its place, and what to do.
    pub message: String,
}

impl MetadataClient {
    /// Waits until another client has taken the place of a segment, and gives all of which that is so and that were not mounted
    /// anew under their names since. They are not mounted again by themselves: the other one came later.
    ///
    /// # Panics
    /// Never: the client has the sender.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn until_replaced(&self) -> Vec<Replaced> {
        let mut replaced = self.inner.replaced.subscribe();
        let some = replaced.wait_for(|replaced| !replaced.is_empty()).await;
        some.expect("the client has the sender").clone()
    }
}

impl Inner {
    /// Lends a segment no more, unless it was lent in another incarnation meanwhile.
    pub(super) fn was_replaced(&self, segment: &v1::Segment, refusal: Refusal) {
        let mut lending = self.lent.lock();
        let before = lending.segments.len();
        lending.segments.retain(|lent| lent.segment != *segment);
        if lending.segments.len() == before {
            return;
        }
        let replaced = Replaced {
            name: segment.name.clone(),
            message: refusal.message.into_owned(),
        };
        self.replaced.send_modify(|all| all.push(replaced));
    }
}
