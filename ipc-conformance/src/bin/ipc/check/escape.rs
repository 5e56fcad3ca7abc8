//! Text that others wrote, in pages of ours.

use std::fmt;

/// Text for HTML, inside of elements and of quoted attributes. What cannot be seen or turns the direction of text, and
/// what XML forbids, is written as `\u{..}`.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            '\n' => f.write_str("\n"),
            c if is_invisible(c) => write!(f, "\\u{{{:x}}}", u32::from(c)),
            c => write!(f, "{c}"),
        })
    }
}

/// Text for a cell of a table in Markdown, as code.
pub(super) struct Cell<'a>(pub(super) &'a str);

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        f.write_str("`")?;
        self.0.chars().try_for_each(|c| match c {
            '`' => f.write_str("'"),
            '|' => f.write_str("\\|"),
            c if is_invisible(c) || c == '\n' => write!(f, "\\u{{{:x}}}", u32::from(c)),
            c => write!(f, "{c}"),
        })?;
        f.write_str("`")
    }
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c), 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xe0000..=0xe007f)
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_it_is_markup() {
        let hostile = "<b a=\"'&\">\u{0}\u{1b}\t\u{202e}\u{fffe}\u{85}\u{fffd}é";
        let escaped = "&lt;b a=&quot;&#39;&amp;&quot;&gt;\\u{0}\\u{1b}\\u{9}\\u{202e}\\u{fffe}\\u{85}\u{fffd}é";
        assert_eq!(Escaped(hostile).to_string(), escaped);
        assert_eq!(Cell("a|b`c\n\u{7}").to_string(), "`a\\|b'c\\u{a}\\u{7}`");
        assert_eq!(Cell("").to_string(), "");
    }
}
