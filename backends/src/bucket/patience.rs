use std::time::Duration;

use standfast_core::{ErrorKind, Result};

use super::error::{fail, from_store};

/// What a call that carries nothing may take, tries of its own included.
const LEAST: Duration = Duration::from_secs(30);
/// A store that is slower than this is given up, bytes a second.
const SLOWEST: u64 = 64 << 10;

/// How long calls to a store may take: it may hang with its connections open.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// For as long as it takes: a file system, whose calls cannot be given up.
    Endless,
    /// As long as [`LEAST`], and what the bytes take at [`SLOWEST`].
    Limited,
}

impl Patience {
    /// Waits for a call that carries so many bytes. What is given up may still be done.
    ///
    /// # Errors
    /// `Unavailable` when it takes too long; else what the store says.
    pub(super) async fn wait<T>(
        self,
        (operation, name): (&'static str, &str),
        bytes: u64,
        call: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T> {
        let done = match self {
            Self::Endless => call.await,
            Self::Limited => {
                let limit = LEAST + Duration::from_millis(bytes * 1000 / SLOWEST);
                let Ok(done) = tokio::time::timeout(limit, call).await else {
                    return Err(fail(
                        ErrorKind::Unavailable,
                        operation,
                        format!(
                            "object `{name}`: not done within {limit:?}, at least {SLOWEST} bytes a second are expected"
                        ),
                    ));
                };
                done
            }
        };
        done.map_err(|error| from_store(operation, name, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a call fares that carries a part of 16 MiB and takes so long.
    async fn waited(patience: Patience, takes: Duration) -> Result<()> {
        let call = async {
            tokio::time::sleep(takes).await;
            Ok(())
        };
        patience.wait(("read", "part"), 16 << 20, call).await
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_slower_than_64_kib_a_second_is_given_up_and_a_file_system_is_not() {
        let limit = Duration::from_secs(30 + 256);
        let late = limit + Duration::from_millis(1);
        waited(Patience::Limited, limit).await.unwrap();
        let error = waited(Patience::Limited, late).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Unavailable);
        let told = error.to_string();
        assert!(told.contains("`part`: not done within 286s"), "{told}");
        waited(Patience::Endless, late).await.unwrap();
    }
}
