//! Prints the public API of a crate, an item a line, from the file of rustdoc's JSON that is named.
//!
//! Left out is what says nothing about a crate: blanket implementations, the traits that the compiler keeps for itself,
//! and the methods of the traits that are derived, of which the line of the implementation says enough.

use std::{env, error::Error};

use public_api::{Builder, PublicApi};

const UNSAID: [&str; 4] = [
    "impl core::marker::Freeze ",
    "impl core::marker::StructuralPartialEq ",
    "impl core::marker::UnsafeUnpin ",
    "impl core::panic::unwind_safe::",
];
const DERIVED: [&str; 4] = ["core::clone::", "core::cmp::", "core::fmt::", "core::hash::"];

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).ok_or("usage: api RUSTDOC.json")?;
    print(&Builder::from_rustdoc_json(path).omit_blanket_impls(true).build()?);
    Ok(())
}

fn print(api: &PublicApi) {
    let mut in_derived = false;
    for line in api.items().map(ToString::to_string) {
        if line.starts_with("impl") {
            in_derived = DERIVED.iter().any(|path| traits_of(&line).starts_with(path));
        } else if in_derived && line.contains("fn ") {
            continue;
        }
        if !UNSAID.iter().any(|start| plain(&line).starts_with(start)) {
            println!("{line}");
        }
    }
}

/// What follows the generic parameters of an implementation: the trait, or the type if there is none.
fn traits_of(line: &str) -> &str {
    let rest = &line["impl".len()..];
    after_parameters(rest).trim_start()
}

/// The line of an implementation without its generic parameters.
fn plain(line: &str) -> String {
    if line.starts_with("impl") { format!("impl {}", traits_of(line)) } else { line.to_owned() }
}

fn after_parameters(text: &str) -> &str {
    let mut depth = 0;
    let end = text.char_indices().find(|(at, letter)| {
        // An arrow is no bracket.
        let arrow = text[..*at].ends_with('-');
        depth += i32::from(*letter == '<') - i32::from(*letter == '>' && !arrow);
        depth == 0
    });
    end.map_or("", |(at, letter)| &text[at + letter.len_utf8()..])
}
