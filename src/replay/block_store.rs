use async_trait::async_trait;
use bytes::Bytes;
use standfast_core::{Refusal, Result};
use standfast_metadata::{ErrorCode, MetadataClient, Placement, PutObject};

use super::BlockKey;

/// What a client of the load asks of the cluster. A trait, so that the load's own tests can lose blocks on purpose and
/// see that it is found out.
#[async_trait]
pub(super) trait BlockStore: Send + Sync {
    /// Which of these are there: one answer for each.
    async fn look_up(&self, keys: &[BlockKey]) -> Result<Vec<Found>>;

    /// Puts blocks of so many bytes: one answer for each.
    async fn put(&self, keys: &[BlockKey], size: u64) -> Result<Vec<Put>>;
}

/// Whether a block is there; or why that is not known.
pub(super) type Found = std::result::Result<bool, String>;

/// What became of a put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Put {
    Acknowledged,
    /// Somebody else puts it, or has put it.
    Exists,
    /// With the kind of refusal.
    Refused(String),
}

#[async_trait]
impl BlockStore for MetadataClient {
    async fn look_up(&self, keys: &[BlockKey]) -> Result<Vec<Found>> {
        let found = self.exists(&bytes(keys)).await?;
        let answers = found.into_iter().map(|item| item.map_err(|r| kind(&r)));
        Ok(for_each(keys, answers, || Err(NO_RESULT.to_owned())))
    }

    async fn put(&self, keys: &[BlockKey], size: u64) -> Result<Vec<Put>> {
        let objects: Vec<_> = bytes(keys)
            .into_iter()
            .map(|key| PutObject {
                key,
                size,
                checksum: None,
            })
            .collect();
        let results = Self::put(self, &objects, &Placement::default()).await?;
        let answers = results.into_iter().map(|item| match item {
            Ok(_) => Put::Acknowledged,
            Err(refusal) if ErrorCode::of(&refusal) == ErrorCode::ObjectAlreadyExists => {
                Put::Exists
            }
            Err(refusal) => Put::Refused(kind(&refusal)),
        });
        Ok(for_each(keys, answers, || {
            Put::Refused(NO_RESULT.to_owned())
        }))
    }
}

/// An item that the answer passes over. It is never taken for a good one.
const NO_RESULT: &str = "no_result";

/// As many answers as keys.
fn for_each<T>(
    keys: &[BlockKey],
    mut answers: impl Iterator<Item = T>,
    none: impl Fn() -> T,
) -> Vec<T> {
    keys.iter()
        .map(|_| answers.next().unwrap_or_else(&none))
        .collect()
}

fn bytes(keys: &[BlockKey]) -> Vec<Bytes> {
    keys.iter()
        .map(|key| Bytes::from(key.to_string()))
        .collect()
}

/// The refusal's name in reports: `no_available_handle`.
fn kind(refusal: &Refusal) -> String {
    let name = ErrorCode::of(refusal).as_str_name();
    name.trim_start_matches("ERROR_CODE_").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_without_an_answer_is_never_a_good_one() {
        let keys = [1, 2].map(|id| BlockKey::of(id, 0));
        let answers = for_each(&keys, [Put::Acknowledged].into_iter(), || Put::Exists);
        assert_eq!(answers, [Put::Acknowledged, Put::Exists]);
    }

    #[test]
    fn refusals_are_named_as_in_the_protocol() {
        let refusal = Refusal {
            code: ErrorCode::NoAvailableHandle as u32,
            message: "full".into(),
        };
        assert_eq!(kind(&refusal), "no_available_handle");
    }
}
