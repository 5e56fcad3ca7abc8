//! A pipe that clients can connect to: its instances, each of which is one connection.

use std::{
    fmt,
    fs::File,
    io,
    task::{Context, Poll, ready},
};

use ipc_proto::{BindError, Config};

use super::{pipe_bind_error, pipe_options, pipe_to_bind};

/// How many instances of a pipe wait for clients, so that a few who come at once need not try again.
pub const WAITING_PIPES: usize = 4;

/// A runtime's instance of a pipe, on which a client is waited for.
pub trait PipeInstance {
    /// Ready once a client is there, and from then on.
    ///
    /// # Errors
    ///
    /// What the system says, of a client that has gone meanwhile as well. The instance goes on waiting.
    fn poll_connect(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Takes the instance from the client that may be there.
    fn disconnect(&self);
}

/// A named pipe that is served.
pub struct PipeListener<I: PipeInstance> {
    name: String,
    instances: Vec<I>,
}

impl<I: PipeInstance> PipeListener<I> {
    /// The pipe called `name`, which is nobody else's, with [`WAITING_PIPES`] instances. `make` makes one of a full name,
    /// and is told whether it has to be the first one.
    ///
    /// # Errors
    ///
    /// Those of [`pipe_to_bind`] and of [`pipe_bind_error`].
    pub fn bind(
        name: &str,
        config: &Config,
        mut make: impl FnMut(&str, bool) -> io::Result<I>,
    ) -> Result<Self, BindError> {
        let full = pipe_to_bind(name, config)?;
        let instances = (0..WAITING_PIPES).map(|n| make(&full, n == 0)).collect::<io::Result<_>>();
        let instances = instances.map_err(|error| pipe_bind_error(name, &error))?;
        Ok(Self { name: full, instances })
    }

    /// An instance with a client. The one that stands in for it, which `make` makes, is there before, so that nobody finds
    /// no pipe.
    ///
    /// # Errors
    ///
    /// What the system says of waiting, or what `make` does; the client waits on then.
    pub fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
        make: impl FnOnce(&str) -> io::Result<I>,
    ) -> Poll<io::Result<I>> {
        let (n, result) = ready!(self.poll_visit(cx));
        let taken = result.and_then(|()| make(&self.name)).map(|next| std::mem::replace(&mut self.instances[n], next));
        // The others come first the next time.
        self.instances.rotate_left(n + 1);
        Poll::Ready(taken)
    }

    /// Which instance has something to tell.
    fn poll_visit(&mut self, cx: &mut Context<'_>) -> Poll<(usize, io::Result<()>)> {
        for (n, instance) in self.instances.iter_mut().enumerate() {
            if let Poll::Ready(result) = poll_client(instance, cx) {
                return Poll::Ready((n, result));
            }
        }
        Poll::Pending
    }

    /// Puts a client of our own on each instance that is free. Returns those.
    fn occupy(&self) -> Vec<File> {
        (0..self.instances.len()).map_while(|_| pipe_options().open(&self.name).ok()).collect()
    }
}

/// The client that comes to an instance. Who has gone meanwhile is no failure.
fn poll_client(instance: &mut impl PipeInstance, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    loop {
        match ready!(instance.poll_connect(cx)) {
            Err(error) if super::is_pipe_end(&error) => {}
            result => return Poll::Ready(result),
        }
    }
}

impl<I: PipeInstance> Drop for PipeListener<I> {
    /// An instance closes when its runtime has seen the end of what is under way. Until then a client could connect to it,
    /// and what it sent would be lost; and one that has just come would even keep it open. So the places are taken, and
    /// then taken away.
    fn drop(&mut self) {
        let own = self.occupy();
        self.instances.iter().for_each(PipeInstance::disconnect);
        drop(own);
    }
}

impl<I: PipeInstance> fmt::Debug for PipeListener<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PipeListener").field(&self.name).finish()
    }
}
