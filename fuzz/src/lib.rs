//! What the fuzz targets do, as ordinary functions: `cargo test` runs them over the kept corpus.
//!
//! Each panics when the crate and a simpler model of it disagree.
#![forbid(unsafe_code)]

mod datagram;
mod deframer;
mod envelope;

pub use datagram::datagram;
pub use deframer::deframer;
pub use envelope::envelope;

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    fn over_corpus(target: &str, run: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        let files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty());
        for file in files {
            run(&fs::read(file).unwrap());
        }
    }

    #[test]
    fn datagram() {
        over_corpus("datagram", super::datagram);
    }

    #[test]
    fn deframer() {
        over_corpus("deframer", super::deframer);
    }

    #[test]
    fn envelope() {
        over_corpus("envelope", super::envelope);
    }
}
