//! Puts the corpus into the crate, so that `ipc check` needs no source tree.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=corpus");
    println!("cargo::rerun-if-changed=build.rs");
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let corpus = here.join("corpus");
    let mut files = files(&corpus, "")?;
    files.extend(self::files(&corpus.join("captures"), "captures/")?);
    files.sort_unstable();
    fs::write(out.join("corpus.rs"), table(&files))
}

/// The files of a folder, by the names that they get.
fn files(folder: &Path, prefix: &str) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            files.push(format!("{prefix}{}", name.to_string_lossy()));
        }
    }
    Ok(files)
}

fn table(files: &[String]) -> String {
    let mut table = "&[\n".to_owned();
    for name in files {
        // Where the crate stands is looked up when it is compiled: a target folder may serve several checkouts. Writing
        // to a string cannot fail.
        let path = format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/corpus/{name}\")");
        let _ = writeln!(table, "    ({name:?}, include_bytes!({path}).as_slice()),");
    }
    table + "]\n"
}
