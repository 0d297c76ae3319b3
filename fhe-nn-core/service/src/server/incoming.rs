//! Bodies as they come: limited before anything is read, timed, and hashed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use super::Settings;
use super::answer::Refused;
use crate::protocol::{Hash, Hasher, ProblemKind};

/// Returns the length that a call says its body has.
///
/// # Errors
/// [`ProblemKind::LengthRequired`], and [`ProblemKind::TooLarge`] if it is more than `limit`.
pub(super) fn length(headers: &HeaderMap, limit: u64) -> Result<u64, Refused> {
    let said = headers.get(header::CONTENT_LENGTH);
    let said = said.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let Some(said) = said else {
        let detail = "the call has no header `Content-Length`";
        return Err(Refused::new(ProblemKind::LengthRequired, detail).closing());
    };
    if said > limit {
        let detail = format!("the body has {said} bytes, but at most {limit} are read");
        return Err(Refused::new(ProblemKind::TooLarge, detail).closing());
    }
    Ok(said)
}

/// A body that comes in time.
pub(super) struct Incoming {
    stream: BodyDataStream,
    pause: Duration,
    end: Instant,
}

impl Incoming {
    /// A body of `length` bytes.
    pub(super) fn new(body: Body, length: u64, settings: &Settings) -> Self {
        Incoming {
            stream: body.into_data_stream(),
            pause: settings.pause,
            end: Instant::now() + settings.time_for(length),
        }
    }

    /// Returns the next piece, or nothing at the end.
    ///
    /// # Errors
    /// [`ProblemKind::CallTimeout`] if it does not come in time, and [`ProblemKind::MalformedCall`] if the connection
    /// breaks.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
        let until = self.end.min(Instant::now() + self.pause);
        match tokio::time::timeout_at(until, self.stream.next()).await {
            Err(_) => {
                let detail = "the body of the call came too slowly";
                Err(Refused::new(ProblemKind::CallTimeout, detail).closing())
            }
            Ok(Some(Err(_))) => {
                let detail = "the body of the call ended too early";
                Err(Refused::new(ProblemKind::MalformedCall, detail).closing())
            }
            Ok(Some(Ok(piece))) => Ok(Some(piece)),
            Ok(None) => Ok(None),
        }
    }

    /// Reads all of a body of `length` bytes.
    ///
    /// # Errors
    /// Those of [`Incoming::next`].
    pub(super) async fn all(mut self, length: u64) -> Result<Bytes, Refused> {
        let mut bytes = BytesMut::new();
        while let Some(piece) = self.next().await? {
            bytes.extend_from_slice(&piece);
            debug_assert!(bytes.len() as u64 <= length, "the server counts the bytes");
        }
        Ok(bytes.freeze())
    }
}

/// The content of a key: a reader that ends without an error only if the bytes have the promised hash, and end with
/// the SHA-256 of those before, as every evaluation key does.
pub(super) struct KeyBody<'a> {
    incoming: Option<Pin<Box<dyn Future<Output = Next> + Send + 'a>>>,
    piece: Bytes,
    hasher: Hasher,
    /// The last bytes that came, which are the checksum if nothing follows.
    last: Vec<u8>,
    expected: Hash,
    /// Why the content is refused, for whoever gets the error of the reader.
    refused: &'a mut Option<Refused>,
}

type Next = (Incoming, Result<Option<Bytes>, Refused>);

/// Bytes of the checksum that a key ends with.
const CHECKSUM: usize = 32;

impl<'a> KeyBody<'a> {
    /// The content of a key that begins with `piece`. What is wrong with it is put into `refused`.
    pub(super) fn new(
        incoming: Incoming,
        piece: Bytes,
        expected: Hash,
        refused: &'a mut Option<Refused>,
    ) -> Self {
        KeyBody {
            incoming: Some(Box::pin(next(incoming))),
            piece,
            hasher: Hasher::new(),
            last: Vec::with_capacity(CHECKSUM),
            expected,
            refused,
        }
    }

    /// Goes on with these bytes. The last ones wait for those that follow.
    fn hash(&mut self, bytes: &[u8]) {
        let keep = bytes.len().min(CHECKSUM);
        let gone = (self.last.len() + keep).saturating_sub(CHECKSUM);
        let (now, later) = bytes.split_at(bytes.len() - keep);
        if keep == CHECKSUM {
            self.hasher.update(&self.last);
            self.last.clear();
        } else {
            let before: Vec<u8> = self.last.drain(..gone).collect();
            self.hasher.update(&before);
        }
        self.hasher.update(now);
        self.last.extend_from_slice(later);
    }

    /// # Errors
    /// [`ProblemKind::KeyHashMismatch`] and [`ProblemKind::MalformedKey`].
    fn check(&self) -> Result<(), Refused> {
        let content = self.hasher.clone().finish();
        let mut all = self.hasher.clone();
        all.update(&self.last);
        let found = all.finish();
        if found != self.expected {
            let expected = self.expected;
            let detail =
                format!("the evaluation key has the SHA-256 {found}, the path says {expected}");
            return Err(Refused::new(ProblemKind::KeyHashMismatch, detail));
        }
        if content.as_bytes()[..] != self.last[..] {
            let detail = "the evaluation key does not end with the SHA-256 of its content";
            return Err(Refused::new(ProblemKind::MalformedKey, detail));
        }
        Ok(())
    }

    fn fail(&mut self, refused: Refused) -> Poll<io::Result<()>> {
        *self.refused = Some(refused);
        Poll::Ready(Err(io::ErrorKind::InvalidData.into()))
    }
}

async fn next(mut incoming: Incoming) -> Next {
    let next = incoming.next().await;
    (incoming, next)
}

impl AsyncRead for KeyBody<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.piece.is_empty() {
            let Some(incoming) = &mut this.incoming else {
                return Poll::Ready(Ok(()));
            };
            let (incoming, piece) = match incoming.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(next) => next,
            };
            this.incoming = None;
            match piece {
                Err(refused) => return this.fail(refused),
                Ok(Some(piece)) => {
                    this.piece = piece;
                    this.incoming = Some(Box::pin(next(incoming)));
                }
                Ok(None) => {
                    if let Err(refused) = this.check() {
                        return this.fail(refused);
                    }
                }
            }
        }
        let count = this.piece.len().min(to.remaining());
        let bytes = this.piece.split_to(count);
        this.hash(&bytes);
        to.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}
