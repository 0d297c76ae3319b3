//! Bytes that may be too large for one message: a server takes 1 MB by default, and 64 replies can have more.

use async_nats::jetstream::kv;
use bytes::{Bytes, BytesMut};

use super::connection::failed;
use crate::protocol::JobName;
use crate::store::StoreError;

/// The most bytes of a piece.
const PIECE: usize = 512 << 10;

/// The pieces behind the first, which stands in the message that the bytes belong to.
pub(super) struct Pieces {
    store: kv::Store,
}

impl Pieces {
    pub(super) fn new(store: kv::Store) -> Self {
        Pieces { store }
    }

    /// Stores all pieces but the first, which is returned.
    pub(super) async fn put(&self, name: &JobName, bytes: &Bytes) -> Result<Bytes, StoreError> {
        let mut rest = bytes.clone();
        let first = rest.split_to(rest.len().min(PIECE));
        for number in 1.. {
            if rest.is_empty() {
                break;
            }
            let piece = rest.split_to(rest.len().min(PIECE));
            let put = self.store.put(place(name, number), piece).await;
            put.map_err(|error| failed("a piece", error))?;
        }
        Ok(first)
    }

    /// Returns all bytes, of which the first piece is at hand, or nothing if pieces are there no longer.
    pub(super) async fn get(
        &self,
        name: &JobName,
        first: Bytes,
        bytes: usize,
    ) -> Result<Option<Bytes>, StoreError> {
        if first.len() == bytes {
            return Ok(Some(first));
        }
        let mut all = BytesMut::from(first);
        for number in 1.. {
            if all.len() >= bytes {
                break;
            }
            let piece = self.store.get(place(name, number)).await;
            match piece.map_err(|error| failed("a piece", error))? {
                Some(piece) if !piece.is_empty() => all.extend_from_slice(&piece),
                Some(_) | None => return Ok(None),
            }
        }
        Ok(Some(all.freeze()).filter(|all| all.len() == bytes))
    }
}

fn place(name: &JobName, number: usize) -> String {
    format!("{name}.{number}")
}
