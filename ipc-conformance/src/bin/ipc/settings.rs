//! From the command line's texts to a config.

use std::{fmt, fs, path::Path, time::Duration};

use ipc_proto::{self as ipc, Config, Json};

use crate::{
    args::{Common, Dialect, EmitArgs, Profile},
    failure::Failure,
    lines, warn,
};

impl Common {
    /// The config of the file, if there is one, overruled by the options. It is checked when it is used.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let mut config = self.config.as_deref().map_or_else(|| Ok(Config::default()), from_file)?;
        self.overrule_protocol(&mut config);
        self.overrule_limits(&mut config);
        self.overrule_places(&mut config);
        self.overrule_tls(&mut config);
        Ok(config)
    }

    fn overrule_protocol(&self, config: &mut Config) {
        set(&mut config.dialect, self.dialect);
        set(&mut config.profile, self.profile);
        set(&mut config.encoding, self.encoding);
        set(&mut config.delimiter, self.delimiter.as_deref());
        config.sync |= self.sync;
        config.allow_reserved_events |= self.allow_reserved_events;
        config.allowed_events.extend(self.allow.iter().cloned());
        config.identify_peer = self.identify_peer.then_some(true).or(config.identify_peer);
    }

    fn overrule_limits(&self, config: &mut Config) {
        set(&mut config.retry.delay, self.retry.map(Duration::from_millis));
        config.retry.max = self.max_retries.or(config.retry.max);
        let limits = &mut config.limits;
        set(&mut limits.max_connections, self.max_connections);
        limits.max_message_size = self.max_message_size.or(limits.max_message_size);
        limits.message_timeout = self.message_timeout.map(Duration::from_millis).or(limits.message_timeout);
    }

    fn overrule_tls(&self, config: &mut Config) {
        if self.key.is_none() && self.cert.is_none() && self.ca.is_empty() && !self.request_cert {
            return;
        }
        let tls = config.tls.get_or_insert_default();
        tls.private = self.key.clone().or_else(|| tls.private.take());
        tls.public = self.cert.clone().or_else(|| tls.public.take());
        tls.trusted_connections.extend(self.ca.iter().cloned());
        tls.request_cert = self.request_cert.then_some(true).or(tls.request_cert);
    }

    fn overrule_places(&self, config: &mut Config) {
        set(&mut config.id, self.id.clone());
        set(&mut config.appspace, self.appspace.clone());
        set(&mut config.socket_root, self.socket_root.as_deref().map(as_folder));
        config.unlink &= !self.no_unlink;
    }
}

/// Overrules an option.
fn set<T>(option: &mut T, value: Option<impl Into<T>>) {
    if let Some(value) = value {
        *option = value.into();
    }
}

/// `--config FILE`: what is misspelt there is reported.
fn from_file(path: &Path) -> Result<Config, Failure> {
    let shown = path.display();
    let text = fs::read(path).map_err(|error| Failure::usage(format_args!("cannot read {shown}: {error}")))?;
    let loaded = Config::from_json(text).map_err(|error| Failure::usage(format_args!("{shown}: {error}")))?;
    for name in &loaded.unknown {
        warn(format_args!("{shown}: {name} is no option"));
    }
    Ok(loaded.config)
}

impl EmitArgs {
    /// JSON, or what stands for none.
    pub(crate) fn json(&self) -> Result<Json, Failure> {
        lines::data(self.data.as_deref().unwrap_or_default())
            .map_err(|_| Failure::usage("JSON is not JSON; a string is written in quotes: '\"hello\"'"))
    }
}

impl From<Dialect> for ipc::Dialect {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Classic => Self::Classic,
            Dialect::Modern => Self::Modern,
        }
    }
}

impl From<Profile> for ipc::Profile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Raw => Self::Raw,
            Profile::Fast => Self::Fast,
            Profile::Guarded => Self::Guarded,
            Profile::Assured => Self::Assured,
        }
    }
}

/// A socket root ends in a slash; a folder's name need not.
fn as_folder(name: &str) -> String {
    if name.ends_with('/') { name.to_owned() } else { format!("{name}/") }
}

/// An argument that cannot be, and why.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl Refused {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// `--on TYPE=REPLYTYPE`.
pub(crate) fn answer(text: &str) -> Result<(String, String), Refused> {
    match text.split_once('=') {
        Some((name, reply)) => Ok((name.to_owned(), reply.to_owned())),
        None => Err(Refused("write TYPE=REPLYTYPE".to_owned())),
    }
}

/// A time such as `5s` or `200ms`.
pub(crate) fn span(text: &str) -> Result<Duration, Refused> {
    humantime::parse_duration(text).map_err(|error| Refused(format!("{error}; write a time as 5s, 200ms or 1m")))
}

/// Text with the escapes of a JSON string, and `\0`.
pub(crate) fn unescaped(text: &str) -> Result<String, Refused> {
    let mut plain =
        text.replace("\\\\", "\\u005c").replace("\\\"", "\\u0022").replace("\\0", "\\u0000").replace('"', "\\u0022");
    // What is no escape in JSON may still stand in an argument as it is.
    plain = plain.chars().map(|c| if c.is_control() { format!("\\u{:04x}", u32::from(c)) } else { c.into() }).collect();
    serde_json::from_str(&format!("\"{plain}\""))
        .map_err(|_| Refused("the escapes are \\n \\r \\t \\f \\b \\0 \\\\ and \\u with four hex digits".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_have_escapes() {
        let cases = [
            ("", ""),
            ("|", "|"),
            ("\\n", "\n"),
            ("\\r\\n", "\r\n"),
            ("\\f", "\u{c}"),
            ("\\0", "\0"),
            ("\\\\0", "\\0"),
            ("\\u00e9", "é"),
            ("é\"\n", "é\"\n"),
        ];
        for (text, plain) in cases {
            assert_eq!(unescaped(text).expect(text), plain, "{text}");
        }
        assert!(unescaped("\\x41").is_err());
        assert!(unescaped("\\").is_err());
    }

    #[test]
    fn times_have_units() {
        assert_eq!(span("5s").expect("a time"), Duration::from_secs(5));
        assert_eq!(span("200ms").expect("a time"), Duration::from_millis(200));
        assert!(span("soon").expect_err("no time").to_string().contains("200ms"));
    }

    #[test]
    fn an_answer_names_two_types() {
        assert_eq!(answer("a=b=c").expect("two types"), ("a".to_owned(), "b=c".to_owned()));
        assert!(answer("a").is_err());
    }
}
