use std::path::PathBuf;

use object_store::path::Path;

/// Where a bucket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A directory.
    Folder(PathBuf),
    /// In a cloud's object store, or in one that speaks its language.
    Remote(Remote),
}

/// A bucket, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) cloud: Cloud,
    /// Its name; a container for Azure.
    pub(super) bucket: String,
    /// What all names begin with.
    pub(super) prefix: Path,
}

/// Whose language a store speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cloud {
    S3,
    Google,
    Azure,
}

impl Cloud {
    /// What a URL begins with.
    pub(super) const fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }

    fn of(scheme: &str) -> Option<Self> {
        let all = [Self::S3, Self::Google, Self::Azure];
        all.into_iter().find(|cloud| cloud.scheme() == scheme)
    }
}

impl Remote {
    /// A place in this one.
    pub(super) fn below(&self, name: &str) -> Self {
        Self {
            prefix: self.prefix.clone().join(name),
            ..self.clone()
        }
    }

    /// As a configuration names it.
    pub(super) fn url(&self) -> String {
        format!("{}://{}/{}", self.cloud.scheme(), self.bucket, self.prefix)
    }
}

impl Place {
    /// Reads a `url` of a configuration.
    ///
    /// # Errors
    /// What is wrong with it, with the way out.
    pub(super) fn parse(url: Option<&str>) -> Result<Self, String> {
        let Some(url) = url else {
            return Err(
                "`url` is missing: want \"file:///path\", a path, or \"s3://bucket/prefix\""
                    .to_owned(),
            );
        };
        let path = match url.split_once("://") {
            None => url,
            Some(("file", path)) if path.starts_with('/') && !path.contains('%') => path,
            Some(("file", _)) => {
                return Err(format!(
                    "`url = \"{url}\"`: after file:// comes an absolute path, unescaped, as in \
                     \"file:///srv/snapshots\""
                ));
            }
            Some((scheme, rest)) => return Self::remote(url, scheme, rest),
        };
        if path.is_empty() {
            return Err(
                "`url` is empty: want \"file:///path\", a path, or \"s3://bucket/prefix\""
                    .to_owned(),
            );
        }
        Ok(Self::Folder(PathBuf::from(path)))
    }

    fn remote(url: &str, scheme: &str, rest: &str) -> Result<Self, String> {
        let Some(cloud) = Cloud::of(scheme) else {
            return Err(format!(
                "`url = \"{url}\"`: there is no `{scheme}://`, but `file://`, `s3://`, `gs://` and `az://`"
            ));
        };
        if !cfg!(feature = "s3") {
            return Err(format!(
                "`url = \"{url}\"`: this build has no `{scheme}://`, only `file://`; build it with the feature `s3`"
            ));
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || bucket.contains(['?', '#', '@', ':']) {
            return Err(format!(
                "`url = \"{url}\"` names no bucket: want \"{scheme}://bucket\" or \"{scheme}://bucket/prefix\"; the store's \
                 address goes into `endpoint`"
            ));
        }
        let prefix = Path::parse(prefix.trim_end_matches('/')).map_err(|error| {
            format!("`url = \"{url}\"`: what follows the bucket is no prefix of names: {error}")
        })?;
        Ok(Self::Remote(Remote {
            cloud,
            bucket: bucket.to_owned(),
            prefix,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_folder_with_and_without_a_scheme() {
        for url in ["file:///srv/b", "/srv/b"] {
            let folder = Place::Folder(PathBuf::from("/srv/b"));
            assert_eq!(Place::parse(Some(url)), Ok(folder));
        }
    }

    #[cfg(feature = "s3")]
    #[test]
    fn a_bucket_may_be_shared_by_prefixes() {
        for (url, prefix) in [("s3://b", ""), ("s3://b/", ""), ("gs://b/x/y/", "x/y")] {
            let Ok(Place::Remote(remote)) = Place::parse(Some(url)) else {
                panic!("{url} is no remote place");
            };
            assert_eq!(
                (remote.bucket.as_str(), remote.prefix.as_ref()),
                ("b", prefix)
            );
        }
    }

    #[test]
    fn what_names_no_place_is_told_with_the_way_out() {
        for (url, told) in [
            ("", "is empty"),
            ("file://srv", "an absolute path"),
            ("ftp://b/c", "there is no `ftp://`"),
        ] {
            let problem = Place::parse(Some(url)).unwrap_err();
            assert!(problem.contains(told), "{problem}");
        }
        if cfg!(feature = "s3") {
            for url in ["s3://", "s3:///x", "s3://localhost:9000/b", "s3://key@b"] {
                let problem = Place::parse(Some(url)).unwrap_err();
                assert!(problem.contains("names no bucket"), "{problem}");
            }
            assert!(Place::parse(Some("s3://b/x//y")).is_err());
        }
    }
}
