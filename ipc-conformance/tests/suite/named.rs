//! Named pipes as bare sockets that block.

use std::{
    io::{self, Read, Write},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use ipc_proto::endpoint::pipe_name;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::windows::named_pipe::{ClientOptions, NamedPipeServer, ServerOptions},
    runtime::Runtime,
};

use super::Pipe;

/// What moves the pipes' bytes while their callers block: the next one of a few runtimes.
fn runtime() -> &'static Runtime {
    static RUNTIMES: [OnceLock<Runtime>; 8] = [const { OnceLock::new() }; 8];
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let make = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let next = NEXT.fetch_add(1, Ordering::Relaxed) % RUNTIMES.len();
    RUNTIMES[next].get_or_init(|| make().expect("a runtime can be made"))
}

/// One end of a pipe.
struct End<T> {
    /// `None` after its end, which is both halves'.
    pipe: Option<T>,
    runtime: &'static Runtime,
}

/// Has the runtime's one thread do something. Wine may tell another thread that an operation is done before its result is
/// there, and then the result is lost.
fn there<T: Send + 'static>(runtime: &Runtime, work: impl Future<Output = T> + Send + 'static) -> T {
    runtime.block_on(runtime.spawn(work)).expect("it does not panic")
}

impl<T: Send + 'static> End<T> {
    fn with<R, W>(&mut self, work: impl FnOnce(T) -> W) -> io::Result<R>
    where
        R: Send + 'static,
        W: Future<Output = (T, io::Result<R>)> + Send + 'static,
    {
        let pipe = self.pipe.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let (pipe, result) = there(self.runtime, work(pipe));
        self.pipe = Some(pipe);
        result
    }
}

impl<T: AsyncRead + Unpin + Send + 'static> Read for End<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = vec![0; buffer.len()];
        let bytes = self.with(|mut pipe| async move {
            let read = pipe.read(&mut bytes).await;
            (pipe, read.map(|len| bytes[..len].to_vec()))
        })?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

impl<T: AsyncWrite + Unpin + Send + 'static> Write for End<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = bytes.to_vec();
        self.with(|mut pipe| async move {
            let written = pipe.write(&bytes).await;
            (pipe, written)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Pipe for End<T> {
    fn finish(&mut self) -> io::Result<()> {
        self.pipe = None;
        Ok(())
    }

    fn write_pieces(&mut self, pieces: Vec<Vec<u8>>) -> io::Result<()> {
        self.with(|mut pipe| async move {
            for piece in pieces {
                if let Err(error) = pipe.write_all(&piece).await {
                    return (pipe, Err(error));
                }
            }
            (pipe, Ok(()))
        })
    }
}

fn full(name: &str) -> String {
    pipe_name(name).expect("a name")
}

pub(super) fn dial(name: &str) -> io::Result<Box<dyn Pipe>> {
    const BUSY: i32 = 231;
    let (name, runtime) = (full(name), runtime());
    loop {
        let name = name.clone();
        match there(runtime, async move { ClientOptions::new().open(name) }) {
            Err(error) if error.raw_os_error() == Some(BUSY) => std::thread::yield_now(),
            result => return Ok(Box::new(End { pipe: Some(result?), runtime })),
        }
    }
}

/// A bare server.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    name: String,
    next: Arc<Mutex<Option<NamedPipeServer>>>,
    runtime: &'static Runtime,
}

impl Listener {
    pub(super) fn bind(name: &str) -> io::Result<Self> {
        let (name, runtime) = (full(name), runtime());
        let next = Arc::new(Mutex::new(Some(instance(runtime, &name)?)));
        Ok(Self { name, next, runtime })
    }

    pub(super) fn accept(&self) -> io::Result<Box<dyn Pipe>> {
        let (runtime, mut next) = (self.runtime, self.next.lock().expect("nobody panics with it"));
        let mut end = End { pipe: next.take(), runtime };
        end.with(|pipe| async move {
            let connected = pipe.connect().await;
            (pipe, connected)
        })?;
        *next = Some(instance(runtime, &self.name)?);
        Ok(Box::new(end))
    }
}

fn instance(runtime: &Runtime, name: &str) -> io::Result<NamedPipeServer> {
    let _context = runtime.enter();
    ServerOptions::new().create(name)
}
