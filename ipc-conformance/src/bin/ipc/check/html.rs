//! `--html`: a page that needs nothing else, and is XML as well.

use std::io::{self, Write};

use ipc_conformance::{
    check::Case,
    replay::{Conversation, Said, Step, Tally, Verdict},
};

use super::{
    escape::Escaped,
    markdown::kind,
    matrix::{self, Matrix},
};

const HEAD: &str = include_str!("head.html");

/// How many bytes stand in a line.
const WIDTH: usize = 16;

/// What the page shows.
pub(super) struct Page<'a> {
    pub(super) matrix: &'a Matrix,
    pub(super) all: &'a Tally,
    pub(super) failed: &'a [Case],
}

/// Writes the whole page.
pub(super) fn write(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    write!(out, "{HEAD}<body>\n<h1>ipc check</h1>\n<p>ipc {}: {}.</p>\n", env!("CARGO_PKG_VERSION"), page.all)?;
    matrix(out, page.matrix)?;
    if !page.failed.is_empty() {
        writeln!(out, "<h2>What failed</h2>")?;
    }
    page.failed.iter().try_for_each(|case| failure(out, case))?;
    writeln!(out, "</body>\n</html>")?;
    out.flush()
}

fn matrix(out: &mut impl Write, matrix: &Matrix) -> io::Result<()> {
    write!(out, "<table class=\"matrix\">\n<caption>{}</caption>\n", matrix::LEGEND)?;
    write!(out, "<thead><tr><th>transport</th><th>mode</th>")?;
    matrix.versions().iter().try_for_each(|version| write!(out, "<th>{}</th>", Escaped(version)))?;
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for (transport, mode, cells) in matrix.rows() {
        write!(out, "<tr><th>{}</th><th>{}</th>", Escaped(transport), Escaped(mode))?;
        cells.into_iter().try_for_each(|tally| cell(out, tally))?;
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table>")
}

fn cell(out: &mut impl Write, tally: Option<Tally>) -> io::Result<()> {
    let class = match tally {
        None => "none",
        Some(tally) if tally.failed > 0 => "bad",
        Some(tally) if tally.passed + tally.differs > 0 => "good",
        Some(_) => "none",
    };
    write!(out, "<td class=\"{class}\">{}</td>", matrix::text(tally))
}

fn failure(out: &mut impl Write, case: &Case) -> io::Result<()> {
    let how = if let Verdict::Failed(how) = &case.verdict { &**how } else { "" };
    let (name, kind) = (Escaped(&case.name), kind(case));
    writeln!(
        out,
        "<details open=\"open\">\n<summary>{} ({}) {name}: {}</summary>",
        case.group.name(),
        case.on,
        Escaped(&kind)
    )?;
    writeln!(out, "<pre>{}</pre>", Escaped(how))?;
    if let Some(conversation) = &case.conversation {
        timeline(out, conversation)?;
        beside(out, conversation)?;
    }
    writeln!(out, "</details>")
}

fn timeline(out: &mut impl Write, conversation: &Conversation) -> io::Result<()> {
    writeln!(out, "<ol>")?;
    for step in &conversation.steps {
        match step {
            Step::Bytes { to, len, head, tail } => {
                writeln!(
                    out,
                    "<li>{len} bytes {}<pre>{}{}</pre></li>",
                    Escaped(to),
                    dump(head, 0),
                    rest(*len, head, tail)
                )?;
            }
            Step::Note(text) => writeln!(out, "<li class=\"note\">{}</li>", Escaped(text))?,
            Step::Event(text) => writeln!(out, "<li class=\"event\"><code>{}</code></li>", Escaped(text))?,
            _ => {}
        }
    }
    writeln!(out, "</ol>")
}

fn rest(len: usize, head: &[u8], tail: &[u8]) -> String {
    if tail.is_empty() {
        return String::new();
    }
    let from = len - tail.len();
    format!("… {} more\n{}", from - head.len(), dump(tail, from))
}

/// Offset, hexadecimal, and text.
fn dump(bytes: &[u8], from: usize) -> String {
    let lines = (from..).step_by(WIDTH).zip(bytes.chunks(WIDTH));
    lines.map(|(at, line)| format!("{at:06x}  {}  {}\n", hex(line), Escaped(&text(line)))).collect()
}

fn hex(line: &[u8]) -> String {
    let digits: String = line.iter().map(|byte| format!("{byte:02x} ")).collect();
    format!("{digits:<48}")
}

fn text(line: &[u8]) -> String {
    line.iter().map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '·' }).collect()
}

fn beside(out: &mut impl Write, conversation: &Conversation) -> io::Result<()> {
    writeln!(out, "<table>\n<thead><tr><th>expected</th><th>got</th></tr></thead>\n<tbody>")?;
    for (expected, got) in conversation.pairs() {
        let class = if expected == got { "same" } else { "bad" };
        writeln!(out, "<tr class=\"{class}\">{}{}</tr>", said(expected), said(got))?;
    }
    writeln!(out, "</tbody></table>")
}

fn said(said: Option<&Said>) -> String {
    said.map_or_else(|| "<td></td>".to_owned(), |said| format!("<td><code>{}</code></td>", Escaped(&said.text)))
}
