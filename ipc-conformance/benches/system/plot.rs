//! A row as bars. A library for this would be larger than the drawing.

use std::fmt::Write;

use crate::{page::number, result::Measured};

const WIDTH: f64 = 760.0;
/// Where bars begin, and the room for them; the value stands behind.
const LEFT: f64 = 270.0;
const ROOM: f64 = 390.0;
const STEP: f64 = 24.0;
const HEAD: f64 = 58.0;

/// The medians, on a scale by powers of ten where they are far apart.
pub(crate) fn svg(measured: &Measured) -> String {
    let bars = measured.medians();
    let scale = Scale::of(bars.iter().map(|(_, value)| *value));
    let height = HEAD + STEP * bars.len() as f64 + 10.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let mut add = |x: f64, y: f64, rest: &str, words: &str| {
        writeln!(text, "<text x=\"{x}\" y=\"{y}\" {rest}>{}</text>", escaped(words))
            .expect("a string takes everything");
    };
    add(12.0, 22.0, "font-weight=\"bold\"", measured.row.title);
    add(
        12.0,
        42.0,
        "fill=\"#555\"",
        &format!("{}{}", measured.row.unit, if scale.by_powers { "; a scale by powers of ten" } else { "" }),
    );
    for (n, (who, value)) in bars.iter().enumerate() {
        let middle = HEAD + STEP * n as f64 + 16.0;
        add(LEFT - 8.0, middle, "text-anchor=\"end\"", who);
        add(LEFT + scale.length(*value) + 6.0, middle, "fill=\"#333\"", &number(*value));
    }
    for (n, (who, value)) in bars.iter().enumerate() {
        let (y, color) = (HEAD + STEP * n as f64 + 3.0, if is_ours(who) { "#2b6cb0" } else { "#a0aec0" });
        let length = scale.length(*value);
        writeln!(text, "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"17\" fill=\"{color}\"/>")
            .expect("a string takes everything");
    }
    text + "</svg>\n"
}

fn is_ours(who: &str) -> bool {
    who.contains("ipc-") && !who.starts_with("node-ipc")
}

/// From a value to the length of its bar.
struct Scale {
    from: f64,
    to: f64,
    by_powers: bool,
}

impl Scale {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let to = values.clone().fold(0.0, f64::max);
        let least = values.fold(to, f64::min).max(1e-9);
        let by_powers = to / least > 30.0;
        let from = if by_powers { 10f64.powf(least.log10().floor()) } else { 0.0 };
        Self { from, to, by_powers }
    }

    fn length(&self, value: f64) -> f64 {
        let part =
            if self.by_powers { (value / self.from).log10() / (self.to / self.from).log10() } else { value / self.to };
        (part * ROOM).max(1.0)
    }
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;")
}
