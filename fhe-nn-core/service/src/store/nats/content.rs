//! The content of a key on its way to the object store.

use std::io;
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::store::StoreError;

/// Keeps the error of a reader, which an object store replaces by its own.
pub(super) struct Kept<'a> {
    content: &'a mut (dyn AsyncRead + Send + Unpin),
    pub(super) error: Option<io::Error>,
    bytes: u64,
}

impl<'a> Kept<'a> {
    pub(super) fn new(content: &'a mut (dyn AsyncRead + Send + Unpin)) -> Self {
        Kept {
            content,
            error: None,
            bytes: 0,
        }
    }

    /// # Errors
    /// [`StoreError::Content`] if the reader failed, or had another number of bytes.
    pub(super) fn check(
        &mut self,
        error: Option<io::Error>,
        expected: u64,
    ) -> Result<(), StoreError> {
        if let Some(error) = self.error.take().or(error) {
            return Err(StoreError::Content(error));
        }
        if self.bytes != expected {
            let reason = format!("{} bytes came, but there should be {expected}", self.bytes);
            let error = io::Error::new(io::ErrorKind::InvalidData, reason);
            return Err(StoreError::Content(error));
        }
        Ok(())
    }
}

impl AsyncRead for Kept<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        let read = ready!(Pin::new(&mut *self.content).poll_read(task, to));
        self.bytes += (to.filled().len() - before) as u64;
        Poll::Ready(read.map_err(|error| {
            self.error = Some(error);
            io::Error::other("the content of the key ended with an error")
        }))
    }
}
