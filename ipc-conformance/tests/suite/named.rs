//! Named pipes as bare sockets that block.

use std::{
    io::{self, Read, Write},
    sync::{Arc, Mutex, OnceLock},
};

use ipc_proto::endpoint::pipe_name;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::windows::named_pipe::{ClientOptions, NamedPipeServer, ServerOptions},
    runtime::Runtime,
};

use super::Pipe;

/// What moves the pipes' bytes while their callers block.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let make = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    RUNTIME.get_or_init(|| make().expect("a runtime can be made"))
}

/// One end of a pipe; `None` after its end, which is both halves'.
struct End<T>(Option<T>);

impl<T: AsyncRead + Unpin> Read for End<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Ok(0), |pipe| runtime().block_on(pipe.read(buffer)))
    }
}

impl<T: AsyncWrite + Unpin> Write for End<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let closed = || Err(io::ErrorKind::BrokenPipe.into());
        self.0.as_mut().map_or_else(closed, |pipe| runtime().block_on(pipe.write(bytes)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Pipe for End<T> {
    fn finish(&mut self) -> io::Result<()> {
        self.0 = None;
        Ok(())
    }
}

fn full(name: &str) -> String {
    pipe_name(name).expect("a name")
}

pub(super) fn dial(name: &str) -> io::Result<Box<dyn Pipe>> {
    const BUSY: i32 = 231;
    let _context = runtime().enter();
    loop {
        match ClientOptions::new().open(full(name)) {
            Err(error) if error.raw_os_error() == Some(BUSY) => std::thread::yield_now(),
            result => return Ok(Box::new(End(Some(result?)))),
        }
    }
}

/// A bare server.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    name: String,
    next: Arc<Mutex<Option<NamedPipeServer>>>,
}

impl Listener {
    pub(super) fn bind(name: &str) -> io::Result<Self> {
        let name = full(name);
        let next = Arc::new(Mutex::new(Some(instance(&name)?)));
        Ok(Self { name, next })
    }

    pub(super) fn accept(&self) -> io::Result<Box<dyn Pipe>> {
        let mut next = self.next.lock().expect("nobody panics with it");
        let pipe = next.take().expect("there is always one");
        let connected = runtime().block_on(pipe.connect());
        *next = Some(instance(&self.name)?);
        connected.map(|()| Box::new(End(Some(pipe))) as Box<dyn Pipe>)
    }
}

fn instance(name: &str) -> io::Result<NamedPipeServer> {
    let _context = runtime().enter();
    ServerOptions::new().create(name)
}
