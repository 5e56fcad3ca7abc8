use alloc::{collections::BTreeSet, string::ToString};
use core::error::Error;

use super::*;

#[test]
fn errors_stay_small() {
    assert!(size_of::<ProtocolError>() <= 8);
    assert!(size_of::<ConnectionError>() <= 48);
    assert!(size_of::<EncodeError>() <= 16);
    assert!(size_of::<EmitError>() <= 64);
}

const CODES: [Code; 12] = [
    Code::InvalidJson,
    Code::InvalidMessage,
    Code::InvalidEvent,
    Code::EventTooLarge,
    Code::ReservedEvent,
    Code::EventNotAllowed,
    Code::FrameTooLarge,
    Code::MessageTimeout,
    Code::Backpressure,
    Code::AssuredTransport,
    Code::AssuredTls,
    Code::TlsConfiguration,
];

#[test]
fn every_code_has_a_name_and_a_sentence_of_its_own() {
    let names: BTreeSet<_> = CODES.iter().map(ToString::to_string).collect();
    let sentences: BTreeSet<_> = CODES.iter().map(|code| ProtocolError::new(*code).to_string()).collect();
    assert_eq!((names.len(), sentences.len()), (CODES.len(), CODES.len()));
    assert!(names.iter().all(|name| name.starts_with("ERR_IPC_")));
}

/// An error whose text is its cause's.
fn passes_on(error: &dyn Error, cause: &str) {
    assert!(error.to_string().contains(cause), "{error}");
    assert_eq!(error.source().map(ToString::to_string).as_deref(), Some(cause));
}

#[test]
fn errors_pass_on_their_cause_and_its_code() {
    let protocol = || ProtocolError::new(Code::FrameTooLarge);
    let connection = ConnectionError::from(protocol());
    passes_on(&connection, "the frame is larger than max_message_size");
    assert_eq!(connection.code(), "ERR_IPC_FRAME_TOO_LARGE");
    let io = ConnectionError::from(IoError::new("EPIPE", "broken"));
    passes_on(&io, "broken");
    assert_eq!(io.code(), "EPIPE");
    let refused = EncodeError::from(Code::FrameTooLarge);
    passes_on(&refused, "the frame is larger than max_message_size");
    assert_eq!(refused.code(), Some("ERR_IPC_FRAME_TOO_LARGE"));
    let json = || serde_json::from_str::<u8>("[]").expect_err("no number");
    passes_on(&EncodeError::from(json()), &json().to_string());
    passes_on(&DecodeError::from(json()), &json().to_string());
    passes_on(&EmitError::from(refused), "the frame is larger than max_message_size");
}

#[test]
fn what_was_not_taken_comes_back() {
    let frame = Frame::event("m");
    let kinds = [EmitError::Full, EmitError::Closed, EmitError::Stalled, EmitError::Unconfirmed];
    let texts: BTreeSet<_> = kinds.iter().map(|kind| kind(frame.clone()).to_string()).collect();
    assert_eq!(texts.len(), kinds.len());
    for kind in kinds {
        assert!(kind(frame.clone()).source().is_none());
        assert_eq!(kind(frame.clone()).into_frame(), Some(frame.clone()));
    }
    let codes = kinds.map(|kind| kind(frame.clone()).code());
    assert_eq!(codes, [Some("ERR_IPC_BACKPRESSURE"), None, None, None]);
    let refused = EmitError::from(EncodeError::DelimiterInData);
    assert_eq!((refused.code(), refused.into_frame()), (None, None));
}

#[test]
fn what_does_not_fit_says_how_much_would() {
    let large = EncodeError::TooLargeForDatagram { limit: 65_507, len: 70_000 };
    let text = large.to_string();
    assert!(text.contains("65507") && text.contains("70000"), "{text}");
    assert!(large.source().is_none() && EncodeError::DelimiterInData.source().is_none());
    assert_eq!((large.code(), EncodeError::DelimiterInData.code()), (Some("EMSGSIZE"), None));
    assert!(EncodeError::DelimiterInData.to_string().contains("delimiter"));
    let option = ConfigError::new("port", "x", "use a number").with_code(Code::TlsConfiguration);
    assert_eq!((option.option(), option.value(), option.code()), ("port", "x", Some(Code::TlsConfiguration)));
    assert_eq!(option.to_string(), "port cannot be \"x\": use a number");
}

#[cfg(feature = "std")]
#[test]
fn io_errors_carry_the_errno_name() {
    let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
    assert_eq!(IoError::from(&refused).code(), "ECONNREFUSED");
    assert_eq!(IoError::from(std::io::Error::other("odd")).code(), "EIO");
}

/// The numbers of Linux are the names of Node on Linux.
#[cfg(all(feature = "std", target_os = "linux"))]
#[test]
fn linux_numbers_have_nodes_names() {
    let names = [
        (1, "EACCES"), // Rust does not tell EPERM from it.
        (2, "ENOENT"),
        (4, "EINTR"),
        (11, "EAGAIN"),
        (12, "ENOMEM"),
        (13, "EACCES"),
        (17, "EEXIST"),
        (20, "ENOTDIR"),
        (21, "EISDIR"),
        (22, "EINVAL"),
        (23, "ENFILE"),
        (24, "EMFILE"),
        (28, "ENOSPC"),
        (30, "EROFS"),
        (32, "EPIPE"),
        (36, "ENAMETOOLONG"),
        (90, "EMSGSIZE"),
        (95, "ENOTSUP"),
        (97, "EAFNOSUPPORT"),
        (98, "EADDRINUSE"),
        (99, "EADDRNOTAVAIL"),
        (100, "ENETDOWN"),
        (101, "ENETUNREACH"),
        (103, "ECONNABORTED"),
        (104, "ECONNRESET"),
        (107, "ENOTCONN"),
        (110, "ETIMEDOUT"),
        (111, "ECONNREFUSED"),
        (113, "EHOSTUNREACH"),
        (122, "EDQUOT"),
        (123, "ERRNO_123"),
    ];
    for (number, name) in names {
        assert_eq!(IoError::from(std::io::Error::from_raw_os_error(number)).code(), name, "{number}");
    }
    assert_eq!(IoError::from(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)).code(), "EOF");
}
