//! Who may call a service.

use std::time::SystemTime;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::protocol::{Tenant, TokenHash};

/// What is kept of a bearer token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// Its SHA-256. The token itself is not kept.
    pub hash: TokenHash,
    /// For whom it stands.
    pub tenant: Tenant,
    /// When it was made.
    pub since: SystemTime,
}

/// Hashes of bearer tokens.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// Returns for whom a token stands, if it is one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn tenant(&self, token: &TokenHash) -> Result<Option<Tenant>, StoreError>;

    /// Returns all tokens, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn list(&self) -> Result<Vec<TokenRecord>, StoreError>;

    /// Returns whether there are no tokens.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn is_empty(&self) -> Result<bool, StoreError>;

    /// Adds a token.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Unavailable`].
    async fn add(&self, token: TokenRecord) -> Result<(), StoreError>;

    /// Removes a token, and returns whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Unavailable`].
    async fn revoke(&self, token: &TokenHash) -> Result<bool, StoreError>;
}
