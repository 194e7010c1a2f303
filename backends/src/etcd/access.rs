use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use etcd_client::{Certificate, ConnectOptions, Identity, TlsOptions};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::load_native_certs;

use super::error::error;
use standfast_core::{Error, ErrorKind, OpenContext, Result};

const CA_FILE: &str = "ca_file";
const CERT_FILE: &str = "cert_file";
const KEY_FILE: &str = "key_file";
const PASSWORD_FILE: &str = "password_file";
/// What a file that others may read has among the bits of its mode.
const OTHERS: u32 = 0o077;

/// As whom the members are spoken to, and whom they are believed to be.
///
/// The files are read for each connection that is made: a certificate that was renewed, or a password that was changed, is
/// taken with the next one. Nothing of what is in them is kept here, so this may be printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Access {
    /// Whose signature the members' certificates carry; without it any that the system trusts.
    pub(super) ca_file: Option<PathBuf>,
    /// Our own certificate, and what proves that it is ours.
    pub(super) cert_file: Option<PathBuf>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) user: Option<String>,
    pub(super) password_file: Option<PathBuf>,
}

impl Access {
    /// What is wrong with it, for members that are spoken to over TLS or not.
    pub(super) fn problems(&self, tls: bool) -> Vec<String> {
        let mut found = Vec::new();
        let files = [
            (CA_FILE, &self.ca_file),
            (CERT_FILE, &self.cert_file),
            (KEY_FILE, &self.key_file),
        ];
        for (key, file) in files {
            if let Some(file) = file.as_ref().filter(|_| !tls) {
                let file = file.display();
                found.push(format!(
                    "`{key} = \"{file}\"` is for members that speak TLS: write `https://` in `endpoints`, or take it out"
                ));
            }
        }
        match (&self.cert_file, &self.key_file) {
            (Some(file), None) => found.push(format!(
                "`cert_file = \"{}\"` is of no use without its key: name that in `key_file`",
                file.display()
            )),
            (None, Some(file)) => found.push(format!(
                "`key_file = \"{}\"` is of no use without its certificate: name that in `cert_file`",
                file.display()
            )),
            _ => {}
        }
        match (&self.user, &self.password_file) {
            (Some(user), _) if user.is_empty() => {
                found.push("`user = \"\"` is nobody: name the user, or take it out".to_owned());
            }
            (Some(user), None) => found.push(format!(
                "`user = \"{user}\"` has no password: name the file that holds it in `password_file`"
            )),
            (None, Some(file)) => found.push(format!(
                "`password_file = \"{}\"` is of nobody: name the user in `user`",
                file.display()
            )),
            _ => {}
        }
        found
    }

    /// The same with absolute paths.
    pub(super) fn resolved(&self, context: &OpenContext) -> Self {
        let resolve = |path: &Option<PathBuf>| path.as_ref().map(|path| context.resolve(path));
        Self {
            ca_file: resolve(&self.ca_file),
            cert_file: resolve(&self.cert_file),
            key_file: resolve(&self.key_file),
            user: self.user.clone(),
            password_file: resolve(&self.password_file),
        }
    }

    /// Reads every file once, so that a wrong one is told before anybody waits for an answer, and warns of secrets that
    /// others may read. Blocks.
    ///
    /// # Errors
    /// `Config` with the file and what is wrong with it.
    pub(super) fn check(&self, operation: &'static str, tls: bool) -> Result<()> {
        if tls {
            self.client_config(operation)?;
        }
        self.options(operation, tls)?;
        for file in [&self.key_file, &self.password_file].into_iter().flatten() {
            if fs::metadata(file).is_ok_and(|found| found.mode() & OTHERS != 0) {
                let file = file.display();
                tracing::warn!("{file} holds a secret that others may read: chmod 600 {file}");
            }
        }
        Ok(())
    }

    /// How a member is connected to, over TLS or not. Blocks. What it returns prints the password: it must not be printed.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub(super) fn options(&self, operation: &'static str, tls: bool) -> Result<ConnectOptions> {
        let mut options = ConnectOptions::new();
        if tls {
            options = options.with_tls(self.tls(operation)?);
        }
        if let (Some(user), Some(file)) = (&self.user, &self.password_file) {
            let text = read(operation, PASSWORD_FILE, file)?;
            let wrong = |why: &str| wrong(operation, PASSWORD_FILE, file, why);
            let password = String::from_utf8(text).map_err(|_not_utf8| wrong("is no text"))?;
            // Editors end the last line.
            let password = password.trim_end_matches(['\r', '\n']);
            if password.is_empty() {
                return Err(wrong("is empty: write the password into it"));
            }
            options = options.with_user(user, password);
        }
        Ok(options)
    }

    /// As the client that we use has it.
    fn tls(&self, operation: &'static str) -> Result<TlsOptions> {
        let tls = match &self.ca_file {
            Some(file) => {
                let text = read(operation, CA_FILE, file)?;
                TlsOptions::new().ca_certificate(Certificate::from_pem(text))
            }
            None => TlsOptions::new().with_native_roots(),
        };
        let (Some(cert), Some(key)) = (&self.cert_file, &self.key_file) else {
            return Ok(tls);
        };
        let own = read(operation, CERT_FILE, cert)?;
        Ok(tls.identity(Identity::from_pem(own, read(operation, KEY_FILE, key)?)))
    }

    /// The same, with what is wrong with a file told. Blocks.
    ///
    /// # Errors
    /// `Config` with the file and what is wrong with it.
    pub(super) fn client_config(&self, operation: &'static str) -> Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        match &self.ca_file {
            Some(file) => roots.add_parsable_certificates(certificates(operation, CA_FILE, file)?),
            None => roots.add_parsable_certificates(load_native_certs().certs),
        };
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .map_err(|source| error(ErrorKind::Config, operation).source(source))?
            .with_root_certificates(roots);
        let mut config = match (&self.cert_file, &self.key_file) {
            (Some(cert), Some(key)) => {
                let own = certificates(operation, CERT_FILE, cert)?;
                let text = read(operation, KEY_FILE, key)?;
                let secret = PrivateKeyDer::from_pem_slice(&text).map_err(|_unreadable| {
                    let why =
                        "holds no private key that can be read: want PEM, without a pass phrase";
                    wrong(operation, KEY_FILE, key, why)
                })?;
                let fits = builder.with_client_auth_cert(own, secret);
                fits.map_err(|source| {
                    let why = format!("is not the key of {}", cert.display());
                    wrong(operation, KEY_FILE, key, &why).source(source)
                })?
            }
            _ => builder.with_no_client_auth(),
        };
        config.alpn_protocols.push(b"h2".to_vec());
        Ok(config)
    }
}

/// A file of certificates, of which there is at least one.
fn certificates(
    operation: &'static str,
    key: &str,
    file: &Path,
) -> Result<Vec<CertificateDer<'static>>> {
    let text = read(operation, key, file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(|| {
        let why = "holds no certificate that can be read: want PEM";
        wrong(operation, key, file, why)
    })
}

fn read(operation: &'static str, key: &str, file: &Path) -> Result<Vec<u8>> {
    fs::read(file).map_err(|source| wrong(operation, key, file, "cannot be read").source(source))
}

fn wrong(operation: &'static str, key: &str, file: &Path, why: &str) -> Error {
    let file = file.display();
    // Not of the configuration: it is read again for each connection, and may be right by then.
    error(ErrorKind::Auth, operation).context(format!("`{key}`: {file} {why}"))
}
