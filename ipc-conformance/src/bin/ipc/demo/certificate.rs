//! A certificate for the demo alone, made on the spot.

use std::{fs, io, path::Path};

use crate::failure::Failure;

/// The files of a certificate that vouches for itself.
pub(super) struct Certificate {
    pub(super) file: String,
    pub(super) key: String,
}

impl Certificate {
    pub(super) fn make(folder: &Path) -> Result<Self, Failure> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let made =
            rcgen::generate_simple_self_signed(names).map_err(|error| Failure::system(io::Error::other(error)))?;
        let save = |name: &str, pem: String| {
            let path = folder.join(name);
            fs::write(&path, pem).map_err(Failure::system).map(|()| path.to_string_lossy().into_owned())
        };
        Ok(Self { file: save("cert.pem", made.cert.pem())?, key: save("key.pem", made.signing_key.serialize_pem())? })
    }
}
