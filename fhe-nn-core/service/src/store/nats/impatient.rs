//! A reader that does not wait for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long a reader of a key waits for more of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// The bytes of an object. If the object is removed or stored anew while it is read, the server says nothing and sends
/// no more, so that the reader fails after some time without bytes.
pub(super) struct Impatient<R> {
    content: R,
    patience: Duration,
    end: Pin<Box<Sleep>>,
}

impl<R> Impatient<R> {
    pub(super) fn new(content: R) -> Self {
        Impatient::after(content, PATIENCE)
    }

    fn after(content: R, patience: Duration) -> Self {
        Impatient {
            content,
            patience,
            end: Box::pin(sleep(patience)),
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Impatient<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.content).poll_read(task, to) {
            Poll::Ready(read) => {
                let end = Instant::now() + self.patience;
                self.end.as_mut().reset(end);
                Poll::Ready(read)
            }
            Poll::Pending => self.end.as_mut().poll(task).map(|()| {
                let reason = format!("no byte came for {} s", self.patience.as_secs());
                Err(io::Error::new(io::ErrorKind::TimedOut, reason))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn bytes_that_stop_coming_are_an_error_and_their_end_is_none() -> io::Result<()> {
        let (content, mut sender) = tokio::io::duplex(64);
        let mut reader = Impatient::after(content, Duration::from_millis(50));
        sender.write_all(b"abc").await?;
        let mut read = [0; 3];
        reader.read_exact(&mut read).await?;
        assert_eq!(&read, b"abc");
        let stopped = reader.read_exact(&mut read).await;
        let stopped = stopped.expect_err("nothing more came");
        assert_eq!(stopped.kind(), io::ErrorKind::TimedOut);
        drop(sender);
        assert_eq!(reader.read(&mut read).await?, 0);
        Ok(())
    }
}
