//! The options that are one of a few names.

use alloc::{format, string::String};
use core::{fmt, str::FromStr};

use super::{Dialect, Encoding, Overflow, Profile, SlowPeer, SyncLoss};
use crate::error::ConfigError;

macro_rules! names {
    ($($ty:ident: $($variant:ident = $name:literal $(| $alias:literal)*),+;)+) => { $(
        impl $ty {
            /// Every name, one for each choice.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The name of this choice, which [`FromStr`] reads.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            fn named(text: &str) -> Option<Self> {
                match text {
                    $($name $(| $alias)* => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl fmt::Display for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    )+ };
}

names! {
    Dialect: Classic = "classic", Modern = "modern";
    Profile: Raw = "raw", Fast = "fast", Guarded = "guarded", Assured = "assured";
    Encoding: Utf8 = "utf8" | "utf-8", Ascii = "ascii", Latin1 = "latin1" | "binary",
        Utf16Le = "utf16le" | "utf-16le" | "ucs2" | "ucs-2", Base64 = "base64", Base64Url = "base64url", Hex = "hex";
    SlowPeer: Disconnect = "disconnect", DropOldest = "dropOldest" | "drop-oldest",
        DropNewest = "dropNewest" | "drop-newest";
    Overflow: Refuse = "refuse", DropOldest = "dropOldest" | "drop-oldest";
    SyncLoss: Report = "report", Resend = "resend";
}

macro_rules! parse {
    ($($(#[$doc:meta])* $ty:ident, $option:literal: $read:expr;)+) => { $(
        impl FromStr for $ty {
            type Err = ConfigError;

            $(#[$doc])*
            fn from_str(text: &str) -> Result<Self, ConfigError> {
                let read: fn(&str) -> Option<Self> = $read;
                read(text).ok_or_else(|| ConfigError::new($option, text, choices(Self::NAMES)))
            }
        }
    )+ };
}

parse! {
    /// Reads a name, or a version of node-ipc: 9 to 12 are Classic, 13 and 14 are Modern, `10.1.0` counts as 10.
    Dialect, "dialect": |text| Self::named(text).or_else(|| of_version(text));
    /// Reads a name.
    Profile, "profile": Self::named;
    /// Reads a name that Node knows, in any case.
    Encoding, "encoding": |text| Self::named(&text.to_ascii_lowercase());
    /// Reads a name; `drop-oldest` is `dropOldest`.
    SlowPeer, "slow_peer": Self::named;
    /// Reads a name; `drop-oldest` is `dropOldest`.
    Overflow, "overflow": Self::named;
    /// Reads a name.
    SyncLoss, "sync_loss": Self::named;
}

fn of_version(text: &str) -> Option<Dialect> {
    match text.split('.').next()?.parse().ok()? {
        9..=12_u8 => Some(Dialect::Classic),
        13 | 14 => Some(Dialect::Modern),
        _ => None,
    }
}

/// `use one of a, b, c`.
fn choices(names: &[&str]) -> String {
    format!("use one of {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    /// Writing a choice and reading it back gives the choice; anything else is refused with all the names.
    fn round_trip<T>(names: &[&str], option: &str)
    where
        T: FromStr<Err = ConfigError> + fmt::Display + fmt::Debug,
    {
        for name in names {
            assert_eq!(name.parse::<T>().unwrap().to_string(), *name);
        }
        let error = "none of them".parse::<T>().expect_err(option);
        assert_eq!(error.option(), option);
        assert!(names.iter().all(|name| error.to_string().contains(name)), "{error}");
    }

    #[test]
    fn every_choice_has_a_name() {
        round_trip::<Dialect>(Dialect::NAMES, "dialect");
        round_trip::<Profile>(Profile::NAMES, "profile");
        round_trip::<Encoding>(Encoding::NAMES, "encoding");
        round_trip::<SlowPeer>(SlowPeer::NAMES, "slow_peer");
        round_trip::<Overflow>(Overflow::NAMES, "overflow");
        round_trip::<SyncLoss>(SyncLoss::NAMES, "sync_loss");
    }

    #[test]
    fn a_version_is_a_dialect() {
        for version in ["9", "9.2.1", "10", "10.1.11", "11", "12.0.0"] {
            assert_eq!(version.parse(), Ok(Dialect::Classic), "{version}");
        }
        for version in ["13", "14", "14.0.0"] {
            assert_eq!(version.parse(), Ok(Dialect::Modern), "{version}");
        }
        for version in ["8", "15", "", "-9", "Classic", "v14"] {
            assert!(version.parse::<Dialect>().is_err(), "{version}");
        }
    }

    #[test]
    fn encodings_have_nodes_aliases() {
        for (name, encoding) in [("UTF-8", Encoding::Utf8), ("binary", Encoding::Latin1), ("UCS2", Encoding::Utf16Le)] {
            assert_eq!(name.parse(), Ok(encoding));
        }
    }
}

#[cfg(test)]
mod properties {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    /// What is read is written by a name that is read as the same; what is refused is none of the names.
    fn check<T>(text: &str, names: &[&str], any_case: bool) -> Result<(), TestCaseError>
    where
        T: FromStr<Err = ConfigError> + fmt::Display + fmt::Debug + PartialEq,
    {
        let listed = names.iter().any(|name| if any_case { name.eq_ignore_ascii_case(text) } else { *name == text });
        match text.parse::<T>() {
            Ok(choice) => {
                let name = choice.to_string();
                prop_assert!(names.contains(&&*name));
                prop_assert_eq!(name.parse::<T>(), Ok(choice));
            }
            Err(error) => {
                prop_assert!(!listed, "{text:?} is refused");
                prop_assert!(error.to_string().contains(names[0]));
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn names_are_read_as_they_are_written(
            text in "(?i:raw|fast|guarded|utf8|utf-8|ucs2|hex|latin1|classic|modern|drop-?oldest|dropNewest|report|refuse|[a-z0-9]{0,6})",
        ) {
            check::<Dialect>(&text, Dialect::NAMES, false)?;
            check::<Profile>(&text, Profile::NAMES, false)?;
            check::<Encoding>(&text, Encoding::NAMES, true)?;
            check::<SlowPeer>(&text, SlowPeer::NAMES, false)?;
            check::<Overflow>(&text, Overflow::NAMES, false)?;
            check::<SyncLoss>(&text, SyncLoss::NAMES, false)?;
        }

        #[test]
        fn versions_count_by_their_first_number(major in 0..300_u16, rest in "([.][0-9a-z]{1,3}){0,3}") {
            let expected = match major {
                9..=12 => Some(Dialect::Classic),
                13 | 14 => Some(Dialect::Modern),
                _ => None,
            };
            prop_assert_eq!(format!("{major}{rest}").parse().ok(), expected);
        }
    }
}
