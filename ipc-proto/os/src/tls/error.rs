//! What goes wrong in a session, by the names that Node gives it.

use core::fmt;
use std::{borrow::Cow, io};

use ipc_proto::IoError;
use rustls::{AlertDescription, CertificateError, Error};

/// The error of a handshake with `peer`.
#[must_use]
pub fn handshake_error(peer: impl fmt::Display, error: &io::Error) -> IoError {
    let code = match tls_error(error) {
        // Who hangs up in the middle, or is hung up on, gives no reason.
        None if error.kind() == io::ErrorKind::UnexpectedEof => Cow::Borrowed("ECONNRESET"),
        _ => code(error),
    };
    IoError::new(code, format!("the TLS handshake with {peer} failed: {}", told(error)))
}

/// The error of a handshake with `peer` that took too long.
#[must_use]
pub fn timed_out(peer: impl fmt::Display) -> IoError {
    let message = format!("the TLS handshake with {peer} took longer than tls.handshakeTimeout");
    IoError::new("ERR_TLS_HANDSHAKE_TIMEOUT", message)
}

/// The error of a session that was established.
#[must_use]
pub fn session_error(error: &io::Error) -> IoError {
    IoError::new(code(error), told(error))
}

fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the peer hung up without ending the session".to_owned(),
        _ => error.to_string(),
    }
}

fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn code(error: &io::Error) -> Cow<'static, str> {
    match tls_error(error) {
        Some(error) => Cow::Borrowed(tls_code(error)),
        // The peer's end without its closing alert: anybody on the way may have cut it.
        None if error.kind() == io::ErrorKind::UnexpectedEof => Cow::Borrowed("ERR_SSL_UNEXPECTED_EOF_WHILE_READING"),
        None => Cow::Owned(IoError::from(error).code().to_owned()),
    }
}

fn tls_code(error: &Error) -> &'static str {
    match error {
        Error::InvalidCertificate(error) => certificate_code(error),
        Error::AlertReceived(alert) => alert_code(*alert),
        Error::NoCertificatesPresented => "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE",
        // Mostly what somebody said who does not speak TLS.
        Error::InvalidMessage(_) => "ERR_SSL_WRONG_VERSION_NUMBER",
        Error::PeerIncompatible(_) => "ERR_SSL_UNSUPPORTED_PROTOCOL",
        Error::DecryptError => "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
        _ => "ERR_SSL_PROTOCOL_ERROR",
    }
}

fn certificate_code(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "CERT_HAS_EXPIRED",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "CERT_NOT_YET_VALID",
        CertificateError::Revoked => "CERT_REVOKED",
        CertificateError::UnknownIssuer => "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        CertificateError::BadSignature => "CERT_SIGNATURE_FAILURE",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "ERR_TLS_CERT_ALTNAME_INVALID"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => "INVALID_PURPOSE",
        _ => "CERT_REJECTED",
    }
}

fn alert_code(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateRequired => "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
        AlertDescription::BadCertificate => "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE",
        AlertDescription::UnsupportedCertificate => "ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        AlertDescription::CertificateRevoked => "ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED",
        AlertDescription::CertificateExpired => "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED",
        AlertDescription::CertificateUnknown => "ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        AlertDescription::HandshakeFailure => "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
        AlertDescription::UnknownCA => "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
        AlertDescription::AccessDenied => "ERR_SSL_TLSV1_ALERT_ACCESS_DENIED",
        AlertDescription::DecryptError => "ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR",
        AlertDescription::ProtocolVersion => "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
        AlertDescription::InternalError => "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR",
        AlertDescription::UnrecognisedName => "ERR_SSL_TLSV1_UNRECOGNIZED_NAME",
        _ => "ERR_SSL_ALERT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io_error(error: Error) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }

    #[test]
    fn errors_have_nodes_names_and_say_who_it_was() {
        let eof = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
        let alert = || io_error(Error::AlertReceived(AlertDescription::CertificateRequired));
        let expired = io_error(Error::InvalidCertificate(CertificateError::Expired));
        let cases = [
            (handshake_error("h:1", &expired), "CERT_HAS_EXPIRED", "h:1"),
            (handshake_error("h:1", &alert()), "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "h:1"),
            (handshake_error("h:1", &eof()), "ECONNRESET", "h:1"),
            (handshake_error("h:1", &reset()), "ECONNRESET", "h:1"),
            (timed_out("h:1"), "ERR_TLS_HANDSHAKE_TIMEOUT", "handshakeTimeout"),
            (session_error(&alert()), "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "alert"),
            (session_error(&eof()), "ERR_SSL_UNEXPECTED_EOF_WHILE_READING", "hung up"),
            (session_error(&reset()), "ECONNRESET", "reset"),
        ];
        for (error, code, told) in cases {
            assert_eq!(error.code(), code);
            assert!(error.to_string().contains(told), "{error}");
        }
    }
}
