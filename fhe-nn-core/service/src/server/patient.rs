//! A connection that is ended if whoever called does not take the answer, or takes it too slowly.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// A connection whose caller may let the service wait: for `pause` in all, of which every byte that it takes gives back
/// what a byte takes at the slowest rate.
pub(super) struct Patient<S> {
    stream: S,
    pause: Duration,
    /// Bytes a second.
    slowest: u64,
    /// How long the caller may let the service wait still.
    left: Duration,
    /// Since when bytes wait to be taken, and the end of that.
    waits: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, pause: Duration, slowest: u64) -> Self {
        Patient {
            stream,
            pause,
            slowest: slowest.max(1),
            left: pause,
            waits: None,
        }
    }

    /// Turns a wait that is too long into an error.
    fn timed<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(written) = written {
            if let Some((since, _)) = self.waits.take() {
                self.left = self.left.saturating_sub(since.elapsed());
            }
            let taken = written.as_ref().map_or(0, bytes);
            let earned = Duration::from_secs_f64(taken as f64 / self.slowest as f64);
            self.left = self.pause.min(self.left.saturating_add(earned));
            return Poll::Ready(written);
        }
        let now = Instant::now();
        let end = now + self.left;
        let (_, end) = self
            .waits
            .get_or_insert_with(|| (now, Box::pin(sleep_until(end))));
        ready!(end.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, to)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.timed(context, written, |count| *count)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.timed(context, written, |count| *count)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.timed(context, flushed, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(context);
        self.timed(context, ended, |()| 0)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::sleep;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(20);
    /// Bytes a second.
    const SLOWEST: u64 = 100;

    /// Sends 2,000 bytes to a caller who takes so many of them at once, every 15 seconds.
    async fn send_to(at_once: usize) -> io::Result<()> {
        let (near, mut far) = duplex(1);
        let mut patient = Patient::new(near, PAUSE, SLOWEST);
        let takes = async {
            loop {
                sleep(Duration::from_secs(15)).await;
                let mut taken = vec![0; at_once];
                if far.read_exact(&mut taken).await.is_err() {
                    return; // no more comes
                }
            }
        };
        let sends = async move { patient.write_all(&[7; 2000]).await };
        tokio::select! {
            sent = sends => sent,
            () = takes => Ok(()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_a_byte_now_and_then_is_too_slow() {
        let sent = send_to(1).await.expect_err("it takes hours");
        assert_eq!(sent.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_as_many_as_the_slowest_rate_is_waited_for() {
        // 2,000 bytes in 15 seconds are more than 100 a second
        send_to(2000).await.expect("it is fast enough");
        send_to(1600).await.expect("it is fast enough");
    }
}
