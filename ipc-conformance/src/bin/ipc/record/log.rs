//! The file that a recording goes to.

use std::{
    fs::File,
    io::Write,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Serialize;

use crate::failure::{Exit, Failure};

/// One line of a capture, but for its time.
#[derive(Serialize)]
pub(super) struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    ev: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dir: Option<&'static str>,
    conn: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    b64: Option<String>,
}

impl Line {
    pub(super) fn bytes(conn: u32, dir: &'static str, bytes: &[u8]) -> Self {
        Self { ev: None, dir: Some(dir), conn, b64: Some(BASE64_STANDARD.encode(bytes)) }
    }

    pub(super) fn mark(conn: u32, dir: Option<&'static str>, what: &'static str) -> Self {
        Self { ev: Some(what), dir, conn, b64: None }
    }
}

#[derive(Serialize)]
struct Timed<'a> {
    t_ms: f64,
    #[serde(flatten)]
    line: &'a Line,
}

/// Lines in the order of their times.
#[derive(Clone)]
pub(super) struct Log {
    file: Arc<Mutex<File>>,
    start: Instant,
}

impl Log {
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path)
            .map_err(|error| Failure::new(Exit::Failed, format_args!("cannot write {}: {error}", path.display())))?;
        Ok(Self { file: Arc::new(Mutex::new(file)), start: Instant::now() })
    }

    /// Writes a line at once: nothing is kept back.
    pub(super) fn write(&self, line: &Line) -> Result<(), Failure> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let t_ms = (self.start.elapsed().as_secs_f64() * 100_000.0).round() / 100.0;
        let mut text = serde_json::to_vec(&Timed { t_ms, line }).map_err(Failure::usage)?;
        text.push(b'\n');
        file.write_all(&text)
            .map_err(|error| Failure::new(Exit::Failed, format_args!("cannot write the recording: {error}")))
    }
}
