//! Evaluation keys of tenants.

use std::time::SystemTime;

use async_trait::async_trait;
use fhe_nn_core::KeyId;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncRead;

use super::StoreError;
use crate::protocol::{Hash, Tenant};

/// What is known of a stored evaluation key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Its size as it travels.
    pub bytes: u64,
    /// Fingerprint of the plan that it was made for.
    pub plan: Hash,
    /// The public number of the client key, which every request under it has.
    #[serde(with = "hex::serde")]
    pub id: KeyId,
    /// When it was stored.
    pub since: SystemTime,
    /// Until when it is kept, if it is not used before.
    pub until: SystemTime,
}

/// What became of a key that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The tenant had no such key before.
    New,
    /// The tenant had this key already. It is kept longer now.
    Again,
}

/// The bytes of a stored key.
pub type KeyContent = Box<dyn AsyncRead + Send + Unpin>;

/// Evaluation keys of tenants. What one tenant stores does not exist for another.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Stores the `record.bytes` bytes of `content` as a key, if the tenant's keys then have at most `quota` bytes.
    /// Whoever calls hands over a reader that fails unless the bytes are those of the hash. A key is stored only if
    /// the reader ended without an error, and it is safe against a crash when this returns.
    ///
    /// # Errors
    /// [`StoreError::Content`] with the reader's error, [`StoreError::Quota`], [`StoreError::Full`],
    /// [`StoreError::Unavailable`].
    async fn put(
        &self,
        tenant: &Tenant,
        key: &Hash,
        record: KeyRecord,
        quota: u64,
        content: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<Put, StoreError>;

    /// Returns what is known of a key. One that has expired is not found.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn find(&self, tenant: &Tenant, key: &Hash) -> Result<Option<KeyRecord>, StoreError>;

    /// Returns the number of bytes of all keys of a tenant.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn used(&self, tenant: &Tenant) -> Result<u64, StoreError>;

    /// Keeps a key until this time at least, because it is used.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Unavailable`].
    async fn keep(&self, tenant: &Tenant, key: &Hash, until: SystemTime) -> Result<(), StoreError>;

    /// Opens a key to read it. One that has expired or was removed is not found.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn open(&self, tenant: &Tenant, key: &Hash) -> Result<Option<KeyContent>, StoreError>;

    /// Removes a key, and returns whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Unavailable`].
    async fn remove(&self, tenant: &Tenant, key: &Hash) -> Result<bool, StoreError>;

    /// Removes what has expired by this time, and returns how many keys that were.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Unavailable`].
    async fn expire(&self, now: SystemTime) -> Result<usize, StoreError>;
}
