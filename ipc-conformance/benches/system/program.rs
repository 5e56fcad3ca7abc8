//! The command line, and one run after the other.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use clap::Parser;

use crate::{
    child,
    lab::{Lab, Result, here},
    page, plot,
    result::Measured,
    rows::{ROWS, Row},
};

#[derive(Debug, Parser)]
#[command(name = "system")]
struct Args {
    /// Measure rows whose name contains one of these. [default: all]
    rows: Vec<String>,
    /// How often each row is measured; medians are shown.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// How long each load lasts.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Measure what takes minutes too.
    #[arg(long)]
    slow: bool,
    /// Show the rows.
    #[arg(long)]
    list: bool,
    /// Write the page to this file, and plots to the folder `benchmarks` beside it.
    #[arg(long)]
    write: Option<PathBuf>,
    /// What cargo says to benches.
    #[arg(long, hide = true)]
    bench: bool,
}

pub(crate) fn main() -> Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    if let Some(("child", rest)) = words.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return child::run(rest);
    }
    let args = Args::parse();
    if args.list {
        ROWS.iter().for_each(|row| println!("{:<16} {}", row.key, row.title));
        return Ok(());
    }
    if !args.bench {
        println!("`cargo bench` runs it; `cargo test` only builds it");
        return Ok(());
    }
    let lab = Lab::new(args.seconds, args.slow)?;
    let measured: Vec<Measured> = ROWS
        .iter()
        .filter(|row| args.rows.is_empty() || args.rows.iter().any(|part| row.key.contains(part.as_str())))
        .map(|row| measure(&lab, row, args.runs))
        .collect::<Result<_>>()?;
    print!("\n{}", page::summary(&measured));
    if let Some(path) = args.write {
        write(&path, &lab, &measured, args.runs)?;
    }
    Ok(())
}

/// Measures a row as often as it should be, and shows it.
fn measure(lab: &Lab, row: &'static Row, runs: usize) -> Result<Measured> {
    let mut measured = Measured::new(row);
    for _ in 0..runs.clamp(1, row.most_runs) {
        measured.runs.push((row.measure)(lab)?);
    }
    println!("\n{} ({})\n{}", row.title, row.unit, page::details(&measured));
    Ok(measured)
}

fn write(path: &Path, lab: &Lab, measured: &[Measured], runs: usize) -> Result<()> {
    // Benches run in their package's folder, and people start them in that of the workspace.
    let path = here().join("..").join(path);
    let folder = path.parent().ok_or("a file has a folder")?.join("benchmarks");
    fs::create_dir_all(&folder)?;
    for row in measured {
        fs::write(folder.join(format!("{}.svg", row.row.key)), plot::svg(row))?;
    }
    fs::write(&path, page::page(lab, measured, runs)?)?;
    println!("\nwritten to {}", path.display());
    Ok(())
}
