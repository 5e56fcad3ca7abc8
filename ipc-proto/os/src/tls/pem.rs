//! Reading PEM, from files and from texts.

use std::fs;

use ipc_proto::{Code, ConfigError, TlsOptions};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

/// A text and where it is from, for errors that say so without showing it.
struct Source<'a> {
    option: &'static str,
    place: &'a str,
    text: Vec<u8>,
}

impl<'a> Source<'a> {
    fn file(option: &'static str, path: &'a str) -> Result<Self, ConfigError> {
        match fs::read(path) {
            Ok(text) => Ok(Self { option, place: path, text }),
            Err(error) => Err(bad(option, path, &format!("it cannot be read: {error}"))),
        }
    }

    fn inline(option: &'static str, text: &str) -> Self {
        Self { option, place: "(text)", text: text.as_bytes().to_vec() }
    }

    /// A file wins over a text.
    fn either(
        names: [&'static str; 2],
        file: Option<&'a String>,
        text: Option<&String>,
    ) -> Result<Option<Self>, ConfigError> {
        match file {
            Some(path) => Self::file(names[0], path).map(Some),
            None => Ok(text.map(|text| Self::inline(names[1], text))),
        }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.text).collect();
        all.ok().filter(|all| !all.is_empty()).ok_or_else(|| self.bad("it holds no PEM certificate that can be read"))
    }

    fn bad(&self, hint: &str) -> ConfigError {
        bad(self.option, self.place, hint)
    }
}

/// The key, and the option that it is from.
pub(super) fn key(options: &TlsOptions) -> Result<Option<PrivateKeyDer<'static>>, ConfigError> {
    let source = Source::either(["tls.private", "tls.key"], options.private.as_ref(), options.key.as_ref())?;
    let read = |source: Source<'_>| {
        PrivateKeyDer::from_pem_slice(&source.text).map_err(|_| {
            source.bad("it holds no PEM private key that can be read; an encrypted one has to be decrypted")
        })
    };
    source.map(read).transpose()
}

/// The certificate and those between it and the authority's.
pub(super) fn chain(options: &TlsOptions) -> Result<Option<Vec<CertificateDer<'static>>>, ConfigError> {
    let source = Source::either(["tls.public", "tls.cert"], options.public.as_ref(), options.cert.as_ref())?;
    source.map(|source| source.certificates()).transpose()
}

/// The certificates of all authorities, each with the option and the place it is from.
pub(super) fn authorities(
    options: &TlsOptions,
    mut add: impl FnMut(CertificateDer<'static>) -> Result<(), rustls::Error>,
) -> Result<(), ConfigError> {
    let files = options.trusted_connections.iter().map(|path| Source::file("tls.trustedConnections", path));
    let texts = options.ca.iter().map(|text| Ok(Source::inline("tls.ca", text)));
    for source in files.chain(texts) {
        let source = source?;
        for certificate in source.certificates()? {
            add(certificate).map_err(|error| source.bad(&format!("it holds no usable authority: {error}")))?;
        }
    }
    Ok(())
}

pub(super) fn bad(option: &'static str, value: &str, hint: &str) -> ConfigError {
    ConfigError::new(option, value, hint).with_code(Code::TlsConfiguration)
}
