//! The runtimes of this build.

use ipc_conformance::host::{self, Host};

use crate::settings::Refused;

/// Something to run on a runtime that is chosen when the program runs.
pub(crate) trait Program {
    /// What it gives.
    type Output;

    /// Runs it on `H`.
    fn run<H: Host>(self) -> Self::Output;
}

macro_rules! runtimes {
    ($($(#[$condition:meta])* $variant:ident = $host:ty,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Runtime {
            $($(#[$condition])* $variant,)*
        }

        impl Runtime {
            /// Those of this build.
            pub(crate) const ALL: &[Self] = &[$($(#[$condition])* Self::$variant,)*];

            /// As `--runtime` calls it.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $($(#[$condition])* Self::$variant => <$host as Host>::NAME,)*
                }
            }

            /// Runs a program on it.
            pub(crate) fn run<P: Program>(self, program: P) -> P::Output {
                match self {
                    $($(#[$condition])* Self::$variant => program.run::<$host>(),)*
                }
            }
        }
    };
}

runtimes! {
    Tokio = ipc_tokio::Tokio,
    Smol = host::Smol,
    #[cfg(feature = "async-std")]
    AsyncStd = host::AsyncStd,
    Mio = ipc_mio::Mio,
}

/// All that there can be.
const NAMES: [&str; 4] = ["tokio", "async-std", "smol", "mio"];

/// One or all of them.
pub(crate) type Runtimes = &'static [Runtime];

/// `--runtime` where it may be `all`.
pub(crate) fn several(name: &str) -> Result<Runtimes, Refused> {
    if name == "all" {
        return Ok(Runtime::ALL);
    }
    let named = named(name)?;
    let at = Runtime::ALL.iter().position(|runtime| *runtime == named).unwrap_or_default();
    Ok(&Runtime::ALL[at..=at])
}

/// `--runtime`.
pub(crate) fn named(name: &str) -> Result<Runtime, Refused> {
    if let Some(runtime) = Runtime::ALL.iter().find(|runtime| runtime.name() == name) {
        return Ok(*runtime);
    }
    let here = Runtime::ALL.iter().map(|runtime| runtime.name()).collect::<Vec<_>>().join(", ");
    Err(Refused::new(match name {
        "async-std" => format!("not in this build, which has {here}; build it with --features async-std"),
        name if NAMES.contains(&name) => format!("not in this build, which has {here}"),
        _ => format!("the runtimes are {}; this build has {here}", NAMES.join(", ")),
    }))
}
