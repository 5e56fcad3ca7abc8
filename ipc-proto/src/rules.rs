//! What the dialect and the profile say of a frame, going out or coming in.

use alloc::{borrow::Cow, string::String};

use bytes::BytesMut;

use crate::{
    config::{Config, Dialect, Profile},
    error::{Code, EncodeError, ProtocolError},
    frame::{Cut, Frame},
    message::Message,
};

/// node-ipc's lifecycle names, which Guarded keeps for itself (node-ipc 14.0.0, entities/EventParser.js).
const RESERVED: [&str; 8] =
    ["start", "connect", "disconnect", "destroy", "close", "socket.disconnected", "error", "data"];

/// The own property names of JavaScript's Object.prototype, which no dispatcher there can take safely.
const UNSAFE: [&str; 12] = [
    "constructor",
    "__defineGetter__",
    "__defineSetter__",
    "hasOwnProperty",
    "__lookupGetter__",
    "__lookupSetter__",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toString",
    "valueOf",
    "__proto__",
    "toLocaleString",
];

/// Checks an event's name against the profile, in node-ipc's order of checks. PROTOCOL.md, rules P1–P5.
pub(crate) fn check_name(config: &Config, name: &str) -> Result<(), ProtocolError> {
    if !config.is_guarded() {
        return Ok(());
    }
    let assured = config.profile == Profile::Assured;
    let reserved_pass = config.allow_reserved_events && !assured;
    let code = if name.is_empty() {
        Code::InvalidEvent
    } else if name.encode_utf16().count() > config.limits.max_event_name_length {
        Code::EventTooLarge
    } else if UNSAFE.contains(&name) {
        Code::InvalidEvent
    } else if RESERVED.contains(&name) && !reserved_pass {
        Code::ReservedEvent
    } else if assured && !config.allowed_events.contains(name) {
        Code::EventNotAllowed
    } else {
        return Ok(());
    };
    Err(ProtocolError::new(code))
}

/// Checks the text of a frame, without its delimiter, before it goes out.
#[inline]
pub(crate) fn check_text(config: &Config, text: &[u8]) -> Result<(), EncodeError> {
    if text.len() > config.frame_limit() {
        return Err(Code::FrameTooLarge.into());
    }
    if config.delimiter.occurs_in(text) || config.delimiter.straddles(text) {
        return Err(EncodeError::DelimiterInData);
    }
    Ok(())
}

/// Whether `data` goes out as `{}`: Classic does not tell `null` and `""` from no data.
pub(crate) fn is_blank(config: &Config, data: &[u8]) -> bool {
    config.dialect == Dialect::Classic && (data == b"null" || data == b"\"\"")
}

/// Makes the frame that stands in `out` from `start` on, its data from `data_at` on, what this endpoint sends.
#[inline]
pub(crate) fn finish_text(
    config: &Config,
    out: &mut BytesMut,
    start: usize,
    data_at: usize,
) -> Result<(), EncodeError> {
    if is_blank(config, &out[data_at..out.len() - 1]) {
        out.truncate(data_at);
        out.extend_from_slice(b"{}}");
    }
    check_text(config, &out[start..])
}

/// Whether `len` more bytes are too many behind `pending` ones. Where nothing waits one larger frame may pass,
/// but not in Guarded and Assured, as in node-ipc 14.
pub(crate) fn exceeds(config: &Config, pending: usize, len: usize) -> bool {
    let over = pending.saturating_add(len) > config.limits.max_pending_bytes;
    over && (pending > 0 || config.is_guarded())
}

/// What ends a frame on the wire: nothing where it is raw bytes.
pub(crate) fn delimiter<'config>(config: &'config Config, frame: &Frame) -> &'config [u8] {
    if frame.is_raw() { &[] } else { config.delimiter.as_bytes() }
}

/// The frame as this endpoint sends it, or why it does not.
pub(crate) fn outgoing(config: &Config, frame: Frame) -> Result<Frame, EncodeError> {
    if frame.is_raw() || config.profile == Profile::Raw {
        check_raw(config, &frame)?;
        return Ok(frame);
    }
    if config.is_guarded() {
        check_name(config, &frame_name(&frame)).map_err(EncodeError::Refused)?;
    }
    let frame = if is_blank(config, frame.data_text()) { blanked(&frame) } else { frame };
    check_text(config, frame.as_bytes())?;
    Ok(frame)
}

/// Raw bytes go out on raw connections only, and events on the others.
fn check_raw(config: &Config, frame: &Frame) -> Result<(), EncodeError> {
    let raw_connection = config.profile == Profile::Raw;
    if frame.is_raw() != raw_connection {
        return Err(Code::InvalidMessage.into());
    }
    if frame.len() > config.frame_limit() {
        return Err(Code::FrameTooLarge.into());
    }
    Ok(())
}

fn frame_name(frame: &Frame) -> Cow<'_, str> {
    let text = frame.name_text();
    if !text.contains('\\') {
        return text;
    }
    Cow::Owned(frame.message().map_or_else(String::new, |message| message.name().into()))
}

fn blanked(frame: &Frame) -> Frame {
    let head = frame.head_text();
    let bytes = [head, b"{}}"].concat();
    Frame::from_parts(bytes.into(), head.len(), 0)
}

/// Whether a bad frame ends the connection.
pub(crate) fn is_fatal(config: &Config, error: ProtocolError) -> bool {
    match error.code() {
        Code::InvalidJson
        | Code::InvalidMessage
        | Code::InvalidEvent
        | Code::EventTooLarge
        | Code::ReservedEvent
        | Code::EventNotAllowed => config.dialect == Dialect::Modern,
        Code::FrameTooLarge
        | Code::MessageTimeout
        | Code::Backpressure
        | Code::AssuredTransport
        | Code::AssuredTls
        | Code::TlsConfiguration => true,
    }
}

/// The message of a frame that came in, or what is wrong with it.
pub(crate) fn decode(config: &Config, cut: Cut) -> Result<Message, ProtocolError> {
    let parse = if cut.is_utf8 { Message::parse_valid } else { Message::parse_within };
    let message = parse(cut.frame, cut.backing)?;
    check_incoming(config, &message)?;
    Ok(message)
}

#[inline]
fn check_incoming(config: &Config, message: &Message) -> Result<(), ProtocolError> {
    // Replaced bytes count as what replaced them, as node-ipc 14 counts decoded text.
    if message.len() > config.frame_limit() {
        return Err(ProtocolError::new(Code::FrameTooLarge));
    }
    // Finding the name costs, and only these two profiles look at it.
    if config.is_guarded() { check_name(config, message.name()) } else { Ok(()) }
}

/// Whether a frame that came in may go out as it is: nothing has to be looked up in it.
pub(crate) fn passes_as_is(config: &Config, text: &[u8], data_at: usize) -> bool {
    let small_data = text.len() - data_at <= 5;
    matches!(config.profile, Profile::Fast)
        && text.len() <= config.frame_limit()
        && config.delimiter.is_control()
        && !(small_data && is_blank(config, &text[data_at..text.len() - 1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(config: &Config, name: &str) -> Option<Code> {
        check_name(config, name).err().map(|error| error.code())
    }

    #[test]
    fn fast_takes_every_name() {
        for name in RESERVED.iter().chain(&UNSAFE).chain(&["", "*"]) {
            assert_eq!(code(&Config::default(), name), None, "{name}");
        }
    }

    #[test]
    fn guarded_checks_in_order() {
        let guarded = Config::default().profile(Profile::Guarded);
        assert_eq!(code(&guarded, ""), Some(Code::InvalidEvent));
        assert_eq!(code(&guarded, &"\u{e9}".repeat(256)), None);
        assert_eq!(code(&guarded, &"\u{e9}".repeat(257)), Some(Code::EventTooLarge));
        assert_eq!(code(&guarded, &"\u{1f600}".repeat(129)), Some(Code::EventTooLarge));
        assert_eq!(code(&guarded, "*"), None);
        for name in RESERVED {
            assert_eq!(code(&guarded, name), Some(Code::ReservedEvent));
        }
        let open = guarded.clone().allow_reserved_events(true);
        assert!(RESERVED.iter().all(|name| code(&open, name).is_none()));
        for name in UNSAFE {
            assert_eq!(code(&open, name), Some(Code::InvalidEvent));
        }
        let assured = open.profile(Profile::Assured).allow("ok").allow("connect");
        assert_eq!(code(&assured, "ok"), None);
        assert_eq!(code(&assured, "other"), Some(Code::EventNotAllowed));
        assert_eq!(code(&assured, "connect"), Some(Code::ReservedEvent));
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;

    fn config(profile: usize, classic: bool, delimiter: &str) -> Config {
        let profile = [Profile::Raw, Profile::Fast, Profile::Guarded, Profile::Assured][profile];
        let dialect = if classic { Dialect::Classic } else { Dialect::Modern };
        Config::default().profile(profile).dialect(dialect).delimiter(delimiter).allow("ok").allow("a")
    }

    proptest! {
        /// A frame that may go out is cut by its receiver where it ends.
        #[test]
        fn what_goes_out_is_cut_where_it_ends(
            text in "[{}|a\"]{0,12}",
            delimiter in "[{}|a]{1,3}|\u{c}|\n|é",
            limit in 1..14_usize,
        ) {
            let config = Config::default().delimiter(&*delimiter).max_message_size(limit);
            let wire = [&*text, &*delimiter].concat();
            let good = text.len() <= limit && wire.find(&delimiter) == Some(text.len());
            prop_assert_eq!(check_text(&config, text.as_bytes()).is_ok(), good, "{:?}", wire);
        }

        #[test]
        fn events_go_out_of_the_profiles_that_have_them(
            profile in 0..4_usize,
            classic: bool,
            name in "ok|a|b|connect|toString|",
            data in "1|null|\"\"|\"x\"|\\{\\}",
        ) {
            let config = config(profile, classic, "\u{c}");
            let frame = Frame::encode(&name, &crate::Json::parse(data.clone()).unwrap()).unwrap();
            let named = match profile {
                2 => matches!(&*name, "ok" | "a" | "b"),
                3 => matches!(&*name, "ok" | "a"),
                _ => profile == 1,
            };
            let sent = outgoing(&config, frame).ok();
            prop_assert_eq!(sent.is_some(), named);
            let blank = classic && matches!(&*data, "null" | "\"\"");
            let expected = alloc::format!("{{\"type\":\"{name}\",\"data\":{}}}", if blank { "{}" } else { &data });
            prop_assert!(sent.is_none_or(|sent| sent.as_bytes() == expected.as_bytes()));
            // Raw bytes go where events do not.
            prop_assert_eq!(outgoing(&config, Frame::raw("x")).is_ok(), profile == 0);
        }

        /// What a peer's bytes may be sent on as, without a look, is what a look would let through.
        #[test]
        fn what_passes_as_it_is_is_what_would_be_sent(
            profile in 1..4_usize,
            classic: bool,
            delimiter in "\u{c}|\n|\\||é",
            data in "1|null|\"\"|\"|\"|\\{\\}|\"[ab|é]{0,9}\"",
            limit in 20..40_usize,
        ) {
            let config = config(profile, classic, &delimiter).max_message_size(limit);
            let Ok(json) = crate::Json::parse(data) else { return Ok(()) };
            let frame = Frame::encode("b", &json).unwrap();
            let data_at = frame.head_text().len();
            if passes_as_is(&config, frame.as_bytes(), data_at) {
                prop_assert_eq!(outgoing(&config, frame.clone()).ok(), Some(frame));
            }
        }

        #[test]
        fn one_large_frame_passes_where_nothing_waits(
            profile in 0..4_usize,
            limit in 1..100_usize,
            pending in prop_oneof![Just(0), 1..120_usize, Just(usize::MAX)],
            len in prop_oneof![0..120_usize, Just(usize::MAX)],
        ) {
            let config = config(profile, false, "\u{c}").max_pending_bytes(limit);
            let over = pending as u128 + len as u128 > limit as u128;
            prop_assert_eq!(exceeds(&config, pending, len), over && (pending > 0 || profile >= 2));
        }
    }
}
