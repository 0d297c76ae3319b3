//! Evaluation keys on their way to a server.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use fhe_nn_core::EvaluationKey;
use futures_util::{Stream, StreamExt};
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use super::{ClientError, Event};
use crate::protocol::{Hash, Hasher};

/// Bytes that are sent at once.
const PIECE: usize = 256 << 10;

/// An evaluation key as it travels, with its SHA-256, by which the server knows it. It can be sent more than once.
#[derive(Debug, Clone)]
pub struct Upload {
    hash: Hash,
    bytes: u64,
    source: Source,
}

#[derive(Clone)]
enum Source {
    Memory(Bytes),
    File(PathBuf),
}

impl std::fmt::Debug for Source {
    /// Without the bytes.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Source::Memory(_) => "Memory(..)",
            Source::File(_) => "File(..)",
        })
    }
}

impl Upload {
    /// A key in memory.
    pub fn of(key: &EvaluationKey) -> Self {
        let bytes = Bytes::from(key.to_bytes());
        Upload {
            hash: Hash::of(&bytes),
            bytes: bytes.len() as u64,
            source: Source::Memory(bytes),
        }
    }

    /// A key in a file, as `fhe-nn keygen` writes it. It is read once now, to hash it, and again when it is sent.
    ///
    /// # Errors
    /// [`ClientError::KeyFile`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ClientError> {
        let path = path.as_ref().to_owned();
        let hashed = || -> io::Result<(Hash, u64)> {
            let mut file = File::open(&path)?;
            let (mut hash, mut bytes) = (Hasher::new(), 0);
            let mut piece = vec![0; PIECE];
            loop {
                match file.read(&mut piece)? {
                    0 => return Ok((hash.finish(), bytes)),
                    count => {
                        hash.update(&piece[..count]);
                        bytes += count as u64;
                    }
                }
            }
        };
        match hashed() {
            Ok((hash, bytes)) => Ok(Upload {
                hash,
                bytes,
                source: Source::File(path),
            }),
            Err(source) => Err(ClientError::KeyFile { path, source }),
        }
    }

    /// Returns the SHA-256 of the key as it travels.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Returns the number of bytes of the key as it travels.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the pieces of the key, and tells how many bytes were taken.
    ///
    /// # Errors
    /// [`ClientError::KeyFile`].
    pub(super) async fn stream(
        &self,
        listener: Arc<dyn Fn(Event) + Send + Sync>,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static, ClientError> {
        let reader: Box<dyn AsyncRead + Send + Unpin> = match &self.source {
            Source::Memory(bytes) => Box::new(Cursor::new(bytes.clone())),
            Source::File(path) => match tokio::fs::File::open(path).await {
                Ok(file) => Box::new(file),
                Err(source) => {
                    let path = path.clone();
                    return Err(ClientError::KeyFile { path, source });
                }
            },
        };
        let (mut sent, total) = (0, self.bytes);
        let pieces = ReaderStream::with_capacity(reader, PIECE);
        Ok(pieces.inspect(move |piece| {
            if let Ok(piece) = piece {
                sent += piece.len() as u64;
                listener(Event::KeySending { sent, total });
            }
        }))
    }
}
