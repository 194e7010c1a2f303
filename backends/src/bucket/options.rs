use std::path::PathBuf;

use standfast_core::OpenContext;

use super::place::Cloud;

/// How a store is spoken to that is not a directory. Holds no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RemoteOptions {
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    pub(super) path_style: Option<bool>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) credentials_file: Option<PathBuf>,
    pub(super) profile: Option<String>,
    pub(super) encryption: Option<String>,
    pub(super) kms_key: Option<String>,
}

/// What `encryption` may say, as S3 calls it; the last two with a key of the key service.
const ENCRYPTIONS: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];

impl RemoteOptions {
    /// The same with absolute paths.
    pub(super) fn resolved(&self, context: &OpenContext) -> Self {
        let resolve = |path: &Option<PathBuf>| path.as_ref().map(|path| context.resolve(path));
        Self {
            ca_file: resolve(&self.ca_file),
            credentials_file: resolve(&self.credentials_file),
            ..self.clone()
        }
    }

    /// Whether the store is spoken to without TLS.
    pub(super) fn is_plain(&self) -> bool {
        let endpoint = self.endpoint.as_deref();
        endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"))
    }

    /// What is set, by key.
    fn set(&self) -> Vec<(&'static str, String)> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let all = [
            ("endpoint", self.endpoint.clone()),
            ("region", self.region.clone()),
            ("path_style", self.path_style.map(|is| is.to_string())),
            ("ca_file", path(&self.ca_file)),
            ("credentials_file", path(&self.credentials_file)),
            ("profile", self.profile.clone()),
            ("encryption", self.encryption.clone()),
            ("kms_key", self.kms_key.clone()),
        ];
        let set = all
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        set.collect()
    }

    /// What is wrong with them, for a store of this cloud, or for a directory.
    pub(super) fn problems(&self, cloud: Option<Cloud>) -> Vec<String> {
        let unused = self.set().into_iter().filter(|(key, _)| match cloud {
            None => true,
            Some(Cloud::S3) => false,
            Some(Cloud::Google) => !["endpoint", "ca_file", "credentials_file"].contains(key),
            Some(Cloud::Azure) => !["endpoint", "ca_file"].contains(key),
        });
        let place = cloud.map_or_else(
            || "a directory".to_owned(),
            |cloud| format!("`{}://`", cloud.scheme()),
        );
        let mut found: Vec<_> = unused
            .map(|(key, value)| {
                format!("`{key} = \"{value}\"` is of no use to {place}: take it out")
            })
            .collect();
        if cloud.is_some() {
            found.extend(self.address_problem());
            found.extend(self.key_problems());
        }
        found
    }

    fn address_problem(&self) -> Option<String> {
        let endpoint = self.endpoint.as_deref()?;
        let rest = ["http://", "https://"]
            .iter()
            .find_map(|scheme| endpoint.strip_prefix(scheme));
        if rest.is_none_or(|host| host.is_empty() || host.contains(['/', '?', '@'])) {
            return Some(format!(
                "`endpoint = \"{endpoint}\"`: want \"http://host:port\" or \"https://host:port\" and nothing behind it; the \
                 bucket goes into `url`"
            ));
        }
        let file = self.ca_file.as_ref().filter(|_| self.is_plain())?;
        Some(format!(
            "`ca_file = \"{}\"` is for a store that speaks TLS: write `https://` in `endpoint`, or take it out",
            file.display()
        ))
    }

    fn key_problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        if let (Some(profile), None) = (&self.profile, &self.credentials_file) {
            found.push(format!(
                "`profile = \"{profile}\"` is a section of a file: name that in `credentials_file`"
            ));
        }
        match (self.encryption.as_deref(), &self.kms_key) {
            (Some(other), _) if !ENCRYPTIONS.contains(&other) => found.push(format!(
                "`encryption = \"{other}\"`: want \"{}\"",
                ENCRYPTIONS.join("\", \"")
            )),
            (None | Some("AES256"), Some(key)) => found.push(format!(
                "`kms_key = \"{key}\"` is for `encryption = \"aws:kms\"` or \"aws:kms:dsse\""
            )),
            _ => {}
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(cloud: Option<Cloud>, text: &str) -> String {
        let table: toml::Table = text.parse().unwrap();
        let text = |key: &str| table.get(key).and_then(|v| v.as_str()).map(str::to_owned);
        let options = RemoteOptions {
            endpoint: text("endpoint"),
            region: text("region"),
            path_style: None,
            ca_file: text("ca_file").map(PathBuf::from),
            credentials_file: text("credentials_file").map(PathBuf::from),
            profile: text("profile"),
            encryption: text("encryption"),
            kms_key: text("kms_key"),
        };
        options.problems(cloud).join("\n")
    }

    #[test]
    fn what_a_place_has_no_use_for_is_refused() {
        assert!(problems(None, "region = 'x'").contains("of no use to a directory"));
        assert!(problems(Some(Cloud::Google), "region = 'x'").contains("of no use to `gs://`"));
        assert!(problems(Some(Cloud::Azure), "credentials_file = 'x'").contains("`az://`"));
        assert_eq!(problems(Some(Cloud::Google), "credentials_file = 'x'"), "");
    }

    #[test]
    fn options_that_do_not_fit_together_are_told_with_the_way_out() {
        let s3 = |text: &str| problems(Some(Cloud::S3), text);
        for endpoint in ["h:1", "http://", "http://h:1/bucket", "http://key@h"] {
            assert!(s3(&format!("endpoint = '{endpoint}'")).contains("nothing behind it"));
        }
        assert!(s3("endpoint = 'http://h:1'\nca_file = 'x'").contains("`https://`"));
        assert!(s3("profile = 'x'").contains("`credentials_file`"));
        assert!(s3("encryption = 'aes'").contains("want \"AES256\""));
        assert!(s3("kms_key = 'x'").contains("`encryption = \"aws:kms\"`"));
        assert_eq!(
            s3("endpoint = 'https://h:1'\nca_file = 'x'\nencryption = 'aws:kms'\nkms_key = 'x'"),
            ""
        );
    }
}
