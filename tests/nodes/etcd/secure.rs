use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::Members;
use crate::certificates::{Authority, Certificate};

/// An etcd that speaks TLS with those who show a certificate of its authority.
pub(super) struct SecureMembers {
    pub(super) members: Members,
    pub(super) authority: Authority,
    /// What a node shows.
    pub(super) own: Certificate,
    dir: TempDir,
}

impl SecureMembers {
    pub(super) fn start(count: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::make(dir.path(), "ca");
        let server = authority.sign("server");
        Self::start_as(count, dir, authority, &server)
    }

    /// The same, with members that show this.
    pub(super) fn start_as(
        count: usize,
        dir: TempDir,
        authority: Authority,
        server: &Certificate,
    ) -> Self {
        let own = authority.sign("own");
        let flags = [
            format!("--cert-file={}", server.file.display()),
            format!("--key-file={}", server.key_file.display()),
            format!("--trusted-ca-file={}", authority.file.display()),
            "--client-cert-auth".to_owned(),
        ];
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let files =
            [&authority.file, &own.file, &own.key_file].map(|file| file.display().to_string());
        let environment = [
            ("ETCDCTL_CACERT", &*files[0]),
            ("ETCDCTL_CERT", &*files[1]),
            ("ETCDCTL_KEY", &*files[2]),
        ];
        let members = Members::launch(count, &flags, &environment);
        Self {
            members,
            authority,
            own,
            dir,
        }
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The settings of a store that is kept there, for who shows `shown`.
    pub(super) fn settings(&self, shown: &Certificate) -> String {
        format!(
            "{}\nca_file = {:?}\ncert_file = {:?}\nkey_file = {:?}",
            self.members.settings(),
            self.authority.file,
            shown.file,
            shown.key_file
        )
    }
}

/// Makes a role that may do everything under this prefix, a user who has it, and demands that everybody is a user from now on.
/// This is what docs/etcd.md tells operators to do.
pub(super) fn demand_users(members: &Members, user: &str, password: &str, prefix: &str) {
    for words in [
        "user add root:rootsecret".to_owned(),
        "user grant-role root root".to_owned(),
        "role add standfast".to_owned(),
        format!("role grant-permission --prefix=true standfast readwrite {prefix}"),
        format!("user add {user}:{password}"),
        format!("user grant-role {user} standfast"),
        "auth enable".to_owned(),
    ] {
        etcdctl(members, &words, "");
    }
}

/// Changes the password of a user.
pub(super) fn change_password(members: &Members, user: &str, password: &str) {
    etcdctl(
        members,
        &format!("--user=root:rootsecret user passwd --interactive=false {user}"),
        password,
    );
}

/// Runs it, with this for its input.
fn etcdctl(members: &Members, words: &str, input: &str) {
    let mut run = Command::new("etcdctl")
        .env("ETCDCTL_API", "3")
        .arg(format!("--endpoints={}", members.endpoints.join(",")))
        .args(words.split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(run.stdin.take().unwrap(), "{input}").unwrap();
    assert!(run.wait().unwrap().success(), "{words}");
}
