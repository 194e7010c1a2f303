use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

/// An authority that signs certificates for members and nodes on loopback; all files are in one directory.
pub(crate) struct Authority {
    dir: PathBuf,
    /// Its own certificate.
    pub(crate) file: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// The files of a certificate and of its key.
pub(crate) struct Certificate {
    pub(crate) file: PathBuf,
    pub(crate) key_file: PathBuf,
}

impl Authority {
    pub(crate) fn make(dir: &Path, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let file = dir.join(format!("{name}.pem"));
        std::fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
        Self {
            dir: dir.to_owned(),
            file,
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for whoever is on loopback.
    pub(crate) fn sign(&self, name: &str) -> Certificate {
        self.sign_for(name, "127.0.0.1", 2099)
    }

    /// The same, valid until this year began.
    pub(crate) fn sign_for(&self, name: &str, host: &str, until: i32) -> Certificate {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        let certificate = Certificate {
            file: self.dir.join(format!("{name}.pem")),
            key_file: self.dir.join(format!("{name}-key.pem")),
        };
        std::fs::write(&certificate.file, signed.pem()).unwrap();
        std::fs::write(&certificate.key_file, key.serialize_pem()).unwrap();
        certificate
    }
}
