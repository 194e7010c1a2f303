//! Scratch places that are folders.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use standfast_core::{Error, ErrorKind, OpenContext, Result, Scratch};

/// What the name of a scratch place begins with.
const PREFIX: &str = "scratch-";

/// The word that scratch place `name` has in paths and keys.
pub(crate) fn word(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// Whether a word is one that [`word`] gave.
pub(crate) fn is_word(word: &str) -> bool {
    word.len() > PREFIX.len() && word.starts_with(PREFIX)
}

/// A context in which what is missing is made.
pub(crate) fn context(context: &OpenContext) -> OpenContext {
    OpenContext {
        make: true,
        ..context.clone()
    }
}

/// The folder of a scratch place: in `dir`, or in the nearest folder above it that is there, so that nothing but this
/// folder is made and removed.
#[cfg(any(feature = "file", feature = "bucket", feature = "rocksdb"))]
pub(crate) fn folder(dir: &Path, name: &str) -> PathBuf {
    let there = dir.ancestors().find(|path| path.is_dir()).unwrap_or(dir);
    // What is configured tells several stores apart that have no folder yet.
    let missing = dir
        .strip_prefix(there)
        .unwrap_or_else(|_same| Path::new(""));
    let mut folder = word(name);
    for part in missing {
        folder = format!("{folder}-{}", part.to_string_lossy());
    }
    there.join(folder)
}

/// The same table, but for a scratch folder inside `dir`.
#[cfg(any(feature = "file", feature = "rocksdb"))]
pub(crate) fn inside(
    dir: &Path,
    table: &toml::Table,
    context: &OpenContext,
    name: &str,
) -> Scratch {
    let place = folder(&context.resolve(dir), name);
    let mut table = table.clone();
    table.insert("dir".into(), place.display().to_string().into());
    Scratch {
        table,
        context: self::context(context),
    }
}

/// Removes the folder of a scratch place.
///
/// # Errors
/// As [`Factory::remove_scratch`](standfast_core::Factory::remove_scratch).
#[cfg(any(feature = "file", feature = "bucket", feature = "rocksdb"))]
pub(crate) fn remove_folder(dir: &Path) -> Result<()> {
    let named = dir.file_name().and_then(OsStr::to_str).is_some_and(is_word);
    if !named {
        return Err(no_scratch(&dir.display().to_string()));
    }
    match std::fs::remove_dir_all(dir) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => {
            let kind = match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    ErrorKind::Auth
                }
                _ => ErrorKind::Unavailable,
            };
            let stays = format!("{} stays: remove it", dir.display());
            Err(Error::new(kind, "remove scratch place")
                .context(stays)
                .source(source))
        }
    }
}

/// The refusal of what is no scratch place.
pub(crate) fn no_scratch(what: &str) -> Error {
    Error::new(ErrorKind::Config, "remove scratch place")
        .context(format!("`{what}` is no scratch place: nothing was removed"))
}

#[cfg(test)]
#[cfg(all(feature = "file", feature = "bucket"))]
mod tests {
    use std::sync::Arc;

    use standfast_core::{
        Clock, ClusterId, Factory, Fingerprint, NodeId, OpLogStore, Scratch, SnapshotStore, Store,
    };
    use tempfile::TempDir;

    use super::*;
    use crate::builtin;

    fn configured(base: &TempDir) -> OpenContext {
        OpenContext {
            cluster: ClusterId::new("c").unwrap(),
            prefix: "/standfast".to_owned(),
            node: NodeId::new("a").unwrap(),
            data_dir: base.path().join("data"),
            base_dir: base.path().to_owned(),
            clock: Clock::manual(),
            make: false,
        }
    }

    /// Tries a scratch place of a store that was never made, and one of a store that is there.
    async fn try_out<S: Store + ?Sized + 'static>(factory: &Arc<dyn Factory<S>>, table: &str) {
        let base = TempDir::new().unwrap();
        let (table, configured) = (table.parse().unwrap(), configured(&base));
        for made in [false, true] {
            if made {
                let made = context(&configured);
                let store = factory.open(&table, &made).await.unwrap();
                store.init(fingerprint(1)).await.unwrap();
            }
            let before = listed(base.path());
            let [a, b] =
                ["a", "b-2"].map(|name| factory.scratch(&table, &configured, name).unwrap());
            for (scratch, drawn) in [(&a, 2), (&b, 3)] {
                for _ in 0..2 {
                    let store = factory
                        .open(&scratch.table, &scratch.context)
                        .await
                        .unwrap();
                    store.init(fingerprint(drawn)).await.unwrap();
                }
            }
            factory.remove_scratch(&a).await.unwrap();
            let opened = factory.open(&b.table, &b.context).await.unwrap();
            assert_eq!(opened.fingerprint().await.unwrap(), Some(fingerprint(3)));
            drop(opened);
            for _ in 0..2 {
                factory.remove_scratch(&b).await.unwrap();
            }
            assert_eq!(listed(base.path()), before);
            let opened = factory.open(&a.table, &a.context).await.unwrap();
            assert_eq!(opened.fingerprint().await.unwrap(), None);
            drop(opened);
            factory.remove_scratch(&a).await.unwrap();
        }
        let refused = Scratch {
            table: table.clone(),
            context: configured.clone(),
        };
        let error = factory.remove_scratch(&refused).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Config, "{error}");
        let store = factory.open(&table, &configured).await.unwrap();
        assert_eq!(store.fingerprint().await.unwrap(), Some(fingerprint(1)));
    }

    fn fingerprint(drawn: u8) -> Fingerprint {
        Fingerprint::draw(&ClusterId::new("c").unwrap(), [drawn; 16])
    }

    /// Every path below `dir`.
    fn listed(dir: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(listed(&path));
            }
            found.push(path);
        }
        found.sort();
        found
    }

    #[tokio::test]
    async fn a_scratch_place_is_apart_and_goes_without_a_trace() {
        let registry = builtin();
        for (kind, table) in [
            ("memory", r#"name = "scratch-test""#),
            ("file", r#"dir = "x/y""#),
        ] {
            try_out::<dyn OpLogStore>(registry.oplogs.get(kind).unwrap(), table).await;
            try_out(registry.elections.get(kind).unwrap(), table).await;
        }
        let bucket = registry.snapshots.get("bucket").unwrap();
        try_out::<dyn SnapshotStore>(bucket, r#"url = "x/y""#).await;
    }
}
