use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use configparser::ini::{Ini, IniDefault};
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use parking_lot::Mutex;
use standfast_core::{ErrorKind, Result};
use tokio::time::Instant;

use crate::bucket::error::fail;

/// So long what was read counts: keys that were changed in the file are taken by then.
const FRESH: Duration = Duration::from_secs(10);
const DEFAULT_PROFILE: &str = "default";

/// Keys in a file as AWS's tools keep them: a section a profile, with `aws_access_key_id`, `aws_secret_access_key` and,
/// where they are lent, `aws_session_token`.
///
/// Nothing of what is in it is printed.
pub(super) struct CredentialsFile {
    file: PathBuf,
    profile: String,
    read: Mutex<(Instant, Arc<AwsCredential>)>,
}

impl CredentialsFile {
    /// Reads the file for the first time. Blocks.
    ///
    /// # Errors
    /// `Config` with what is missing.
    pub(super) fn open(file: &Path, profile: Option<&str>) -> Result<Self> {
        let profile = profile.unwrap_or(DEFAULT_PROFILE);
        let credential = read(file, profile).map_err(|problem| {
            let file = file.display();
            fail(
                ErrorKind::Config,
                "open bucket",
                format!("`credentials_file = \"{file}\"`: {problem}"),
            )
        })?;
        Ok(Self {
            file: file.to_owned(),
            profile: profile.to_owned(),
            read: Mutex::new((Instant::now(), Arc::new(credential))),
        })
    }
}

#[async_trait]
impl CredentialProvider for CredentialsFile {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let (at, credential) = self.read.lock().clone();
        if at.elapsed() < FRESH {
            return Ok(credential);
        }
        let (file, profile) = (self.file.clone(), self.profile.clone());
        let found = tokio::task::spawn_blocking(move || read(&file, &profile)).await;
        let credential = match found {
            Ok(Ok(found)) => Arc::new(found),
            // Half a file, while it is written anew: what was read before may still do.
            Ok(Err(problem)) => {
                tracing::warn!(file = %self.file.display(), "{problem}: the keys that were read before are used");
                credential
            }
            Err(_shutting_down) => credential,
        };
        *self.read.lock() = (Instant::now(), Arc::clone(&credential));
        Ok(credential)
    }
}

impl std::fmt::Debug for CredentialsFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "CredentialsFile({}, {})",
            self.file.display(),
            self.profile
        )
    }
}

fn read(file: &Path, profile: &str) -> Result<AwsCredential, String> {
    let mut found = Ini::new_from_defaults(format());
    found.load(file)?;
    if !found.sections().iter().any(|section| section == profile) {
        return Err(format!(
            "it has no section `[{profile}]`: name one that it has in `profile`"
        ));
    }
    let value = |key: &str| {
        let value = found.get(profile, key);
        let value = value.filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("section `[{profile}]` has no `{key}`"))
    };
    Ok(AwsCredential {
        key_id: value("aws_access_key_id")?,
        secret_key: value("aws_secret_access_key")?,
        token: found.get(profile, "aws_session_token"),
    })
}

/// Keys hold what they hold: a `#` or a `;` begins a comment at the start of a line only.
fn format() -> IniDefault {
    let mut format = IniDefault::default();
    format.case_sensitive = true;
    format.delimiters = vec!['='];
    format.inline_comment_symbols = Some(Vec::new());
    // What stands before the first section is of none.
    format.default_section = String::new();
    format
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_profile_is_a_section() {
        let file = written(
            "# ours\n[default]\naws_access_key_id = a\naws_secret_access_key=b\n\n[lent]\naws_access_key_id = c\n\
             aws_secret_access_key = d+/=#\naws_session_token = e\n",
        );
        let default = read(file.path(), DEFAULT_PROFILE).unwrap();
        assert_eq!((default.key_id.as_str(), default.token), ("a", None));
        let lent = read(file.path(), "lent").unwrap();
        assert_eq!(
            (lent.secret_key.as_str(), lent.token.as_deref()),
            ("d+/=#", Some("e"))
        );
    }

    #[test]
    fn what_is_missing_is_told_and_no_secret() {
        let file =
            written("[default]\naws_secret_access_key = hidden\n[cut]\naws_access_key_id =\n");
        for (profile, told) in [
            (None, "no `aws_access_key_id`"),
            (Some("x"), "no section `[x]`"),
            (Some("cut"), "no `aws_access_key_id`"),
        ] {
            let error = CredentialsFile::open(file.path(), profile).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains(told) && !text.contains("hidden"), "{text}");
        }
    }
}
