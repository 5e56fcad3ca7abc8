//! `--markdown`: the failures as tables, by their kind.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use ipc_conformance::{
    check::Case,
    replay::{Conversation, Said, Tally},
};

use super::escape::Cell;

/// So many characters of a cell are shown.
const LONGEST: usize = 160;

/// What a line of a table shows once: the case, and expected and got.
type Line = (String, String, String);

/// Writes what of `failed` came to what, with the counts of all cases.
pub(super) fn write(out: &mut impl Write, all: &Tally, failed: &[Case]) -> io::Result<()> {
    writeln!(out, "{all}.")?;
    let mut kinds: BTreeMap<String, BTreeMap<Line, Vec<String>>> = BTreeMap::new();
    for case in failed {
        let (name, setup) = split(&case.name);
        let line = match &case.conversation {
            Some(conversation) => (name, joined(&conversation.expected), joined(&conversation.got)),
            None => (name, String::new(), String::new()),
        };
        kinds.entry(kind(case)).or_default().entry(line).or_default().push(setup);
    }
    for (kind, lines) in kinds {
        let count: usize = lines.values().map(Vec::len).sum();
        writeln!(out, "\n### {}: {count}\n", capital(&kind))?;
        writeln!(out, "| case | set-ups | expected | got |\n|---|---|---|---|")?;
        for ((name, expected, got), setups) in lines {
            let (name, expected, got) = (Cell(&name), Cell(&expected), Cell(&got));
            writeln!(out, "| {name} | {} | {expected} | {got} |", setups.join(", "))?;
        }
    }
    out.flush()
}

/// What kind of failure it is.
pub(super) fn kind(case: &Case) -> String {
    case.conversation.as_ref().map_or_else(|| "without an answer".to_owned(), Conversation::kind)
}

/// Of a case's name, which says the set-up last.
fn split(name: &str) -> (String, String) {
    let (name, setup) = name.split_once(' ').unwrap_or((name, ""));
    (name.to_owned(), setup.to_owned())
}

fn joined(said: &[Said]) -> String {
    let text = said.iter().map(|said| &*said.text).collect::<Vec<_>>().join(", ");
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
