//! Servers on tokio.

use std::thread::available_parallelism;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    runtime::Builder,
};
use tokio_util::codec::{AnyDelimiterCodec, Framed};

use crate::{READ, Result};

/// Serves each connection in a task; on one core on one thread, as the project's own command does.
pub(crate) fn run<F>(path: &str, serve: impl Fn(UnixStream) -> F + Copy + Send + 'static) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let alone = available_parallelism()?.get() == 1;
    let mut kind = if alone { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    kind.enable_all().build()?.block_on(async {
        let listener = UnixListener::bind(path)?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(async move { serve(stream).await.ok() });
        }
    })
}

pub(crate) async fn copy(mut stream: UnixStream) -> Result<()> {
    let mut buffer = vec![0; READ];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            len => stream.write_all(&buffer[..len]).await?,
        }
    }
}

/// What one would write first: tokio-util's codec for the frames, serde_json for what is in them.
pub(crate) async fn lines(stream: UnixStream) -> Result<()> {
    let codec = AnyDelimiterCodec::new(vec![0x0c], vec![0x0c]);
    let mut framed = Framed::new(stream, codec);
    while let Some(frame) = framed.next().await {
        let message: Value = serde_json::from_slice(&frame?)?;
        let answer = serde_json::json!({ "type": message["type"], "data": message["data"] });
        framed.feed(answer.to_string()).await?;
        // Answers to what came together leave together.
        if !framed.read_buffer().contains(&0x0c) {
            SinkExt::<String>::flush(&mut framed).await?;
        }
    }
    Ok(())
}
