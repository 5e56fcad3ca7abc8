//! One option of a file, looked at as node-ipc's JavaScript looks at it.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};
use core::time::Duration;

use serde_json::Value;

use crate::error::ConfigError;

/// What Infinity is called in a file: JSON has no other word for it, and `JSON.stringify` makes it `null`.
const INFINITY: &str = "Infinity";

/// An option's name and value.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) value: Value,
}

impl Field {
    /// That the value cannot be, and what to do instead.
    pub(super) fn error(&self, hint: impl Into<String>) -> ConfigError {
        ConfigError::new(self.name, plain(&self.value), hint)
    }

    /// What `if (option)` thinks of it.
    pub(super) fn is_truthy(&self) -> bool {
        match &self.value {
            Value::Null => false,
            Value::Bool(is) => *is,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(_) | Value::Object(_) => true,
        }
    }

    /// A text, or a number as text; `None` for null.
    pub(super) fn text(&self) -> Result<Option<String>, ConfigError> {
        match &self.value {
            Value::Null => Ok(None),
            Value::String(_) | Value::Number(_) => Ok(Some(plain(&self.value))),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(self.error("use a text")),
        }
    }

    /// One of the names that `T` has; `None` for null. Anything else is refused with those names.
    pub(super) fn choice<T>(&self) -> Result<Option<T>, ConfigError>
    where
        T: core::str::FromStr<Err = ConfigError>,
    {
        if self.value.is_null() {
            return Ok(None);
        }
        plain(&self.value).parse().map(Some).map_err(|error: ConfigError| error.of(self.name))
    }

    /// What `Number(option)` is, where that is a number; -0, Infinity and what it rounds to included.
    pub(super) fn number(&self) -> Option<f64> {
        match &self.value {
            Value::Null => Some(0.0),
            Value::Bool(is) => Some(f64::from(u8::from(*is))),
            Value::Number(number) => number.as_f64(),
            Value::String(text) => number_of(text),
            Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// A positive integer, or no limit.
    pub(super) fn limit(&self) -> Result<usize, ConfigError> {
        if self.is_infinite() {
            return Ok(usize::MAX);
        }
        match whole(&self.value) {
            Some(number) if number > 0 => Ok(usize::try_from(number).unwrap_or(usize::MAX)),
            Some(_) | None => Err(self.error("use a positive integer or \"Infinity\"")),
        }
    }

    /// A span in milliseconds, fractions dropped as timers drop them.
    pub(super) fn span(&self) -> Result<Duration, ConfigError> {
        match self.spelled() {
            Some(f64::INFINITY) | None => Err(self.error("use a number of milliseconds")),
            Some(millis) => Ok(Duration::from_millis(millis as u64)),
        }
    }

    /// As [`span`](Self::span), or Infinity, which is longer than any other.
    pub(super) fn long_span(&self) -> Result<Duration, ConfigError> {
        if self.is_infinite() { Ok(Duration::MAX) } else { self.span() }
    }

    /// A span in milliseconds; `None` for what is not truthy and for no limit.
    pub(super) fn maybe_span(&self) -> Result<Option<Duration>, ConfigError> {
        if self.is_truthy() && !self.is_infinite() { self.span().map(Some) } else { Ok(None) }
    }

    /// A port, as a number or as digits.
    pub(super) fn port(&self) -> Result<u16, ConfigError> {
        let port = |number: f64| Some(number as u16).filter(|port| f64::from(*port) == number);
        self.spelled().and_then(port).ok_or_else(|| self.error("use a port from 0 to 65535"))
    }

    /// A number from 0 on, or a text that is one.
    fn spelled(&self) -> Option<f64> {
        match &self.value {
            Value::String(text) if text.trim().is_empty() => None,
            Value::Number(_) | Value::String(_) => self.number().filter(|number| *number >= 0.0),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn is_infinite(&self) -> bool {
        self.value.is_null() || self.value == INFINITY
    }
}

/// The value as text, strings without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// A number without a fraction: `1e3` is one.
fn whole(value: &Value) -> Option<u64> {
    let float = value.as_f64()?;
    value.as_u64().or_else(|| (float as u64 as f64 == float).then_some(float as u64))
}

/// What `Number(text)` is, but for other bases than ten.
fn number_of(text: &str) -> Option<f64> {
    let text = text.trim();
    match text.trim_start_matches(['+', '-']) {
        "" if text.is_empty() => Some(0.0),
        INFINITY => text.parse().ok(),
        // Rust knows words for infinity and NaN that JavaScript does not.
        digits if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_numbers_javascript_takes_them_for() {
        let cases = [
            ("", Some(0.0)),
            (" 2 ", Some(2.0)),
            ("1.5", Some(1.5)),
            (".5", Some(0.5)),
            ("1e3", Some(1000.0)),
            ("-1", Some(-1.0)),
            ("+1", Some(1.0)),
            ("Infinity", Some(f64::INFINITY)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("inf", None),
            ("nan", None),
            ("infinity", None),
            ("two", None),
            ("2 or 3", None),
            ("-", None),
            ("--1", None),
        ];
        for (text, number) in cases {
            assert_eq!(number_of(text), number, "{text:?}");
        }
    }
}
