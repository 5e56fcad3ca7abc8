//! Numbers as ECMAScript writes them.
//!
//! serde_json writes `1.0`, `-0.0` and `1e21` where `JSON.stringify` writes `1`, `0` and `1e+21`. Most floats turn out to
//! be ones that serde_json writes just so when they are handed to it as an integer or as they are.

use alloc::{format, string::String};
use core::fmt::LowerExp;

use serde::Serialize;

/// One of Rust's floats, which has its own shortest digits.
pub(super) trait Float: Copy + Into<f64> + LowerExp + Serialize {
    /// How it is written.
    #[inline]
    fn written(self) -> Written<Self> {
        written(self, self.into())
    }
}

impl Float for f32 {}

impl Float for f64 {}

/// How one float is written.
pub(super) enum Written<F> {
    /// As this integer.
    Integer(i64),
    /// As serde_json does.
    Alike(F),
    /// Like this.
    Text(String),
}

const TWO_POW_53: f64 = 9_007_199_254_740_992.0;

/// `float` has the digits, `wide` the same value.
#[inline]
fn written<F: LowerExp>(float: F, wide: f64) -> Written<F> {
    // Saturates, and makes NaN 0.
    #[expect(clippy::cast_possible_truncation, reason = "a float that loses anything is not written as an integer")]
    let integer = wide as i64;
    #[expect(clippy::cast_precision_loss, reason = "the comparison is what finds the loss")]
    let exact = integer as f64 == wide && wide.abs() < TWO_POW_53;
    match wide.abs() {
        _ if exact => Written::Integer(integer),
        size if size < 1e-4 || (TWO_POW_53..f64::INFINITY).contains(&size) => Written::Text(ecma_text(&float)),
        _ => Written::Alike(float),
    }
}

/// ECMAScript's Number::toString, from the shortest digits that Rust finds.
#[cold]
fn ecma_text(float: &impl LowerExp) -> String {
    let text = format!("{float:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (first, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    match exponent.parse::<i32>().unwrap_or(0) {
        // All digits stand before the point: only floats beyond 2^53 come here, and those have none behind it.
        places @ 0..=20 => format!("{sign}{first}{rest:0<width$}", width = usize::try_from(places).unwrap_or(0)),
        places @ -6..0 => format!("{sign}0.{}{first}{rest}", &"00000"[..usize::try_from(-places - 1).unwrap_or(0)]),
        places if places < 0 => format!("{sign}{mantissa}e{places}"),
        places => format!("{sign}{mantissa}e+{places}"),
    }
}
