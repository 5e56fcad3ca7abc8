//! Authorities and what they sign, as PEM files in a folder of their own.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};

/// The files of one certificate and its key.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) cert: String,
    pub(crate) key: String,
}

pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, new_key()).expect("an authority can be made");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let authority = Self { issuer, folder };
        authority.save("ca.pem", &authority.pem());
        authority
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    pub(crate) fn file(&self) -> String {
        self.path("ca.pem")
    }

    /// Signs a certificate for `names`, host names or addresses.
    pub(crate) fn sign(&self, names: &[&str]) -> Identity {
        self.write(&params(names))
    }

    /// As [`sign`](Self::sign), for a time that is over.
    pub(crate) fn sign_expired(&self, names: &[&str]) -> Identity {
        let mut params = params(names);
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.write(&params)
    }

    fn write(&self, params: &CertificateParams) -> Identity {
        let key = new_key();
        let cert = params.signed_by(&key, &self.issuer).expect("it can be signed");
        let count = fs::read_dir(self.folder.path()).map_or(0, Iterator::count);
        Identity {
            cert: self.save(&format!("{count}.pem"), &cert.pem()),
            key: self.save(&format!("{count}.key"), &key.serialize_pem()),
        }
    }

    fn save(&self, name: &str, pem: &str) -> String {
        let path = self.path(name);
        fs::write(&path, pem).expect("a temporary file can be written");
        path
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    CertificateParams::new(names).expect("names and addresses")
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}
