//! Tokens in a bucket.

use std::time::Duration;

use async_nats::jetstream::{Context, kv};
use async_trait::async_trait;
use futures_util::TryStreamExt;

use super::connection::{bucket, failed};
use crate::protocol::{Tenant, TokenHash};
use crate::store::{StoreError, TokenRecord, Tokens};

/// Hashes of tokens on NATS.
pub struct NatsTokens {
    tokens: kv::Store,
}

impl NatsTokens {
    pub(super) async fn open(context: &Context) -> Result<Self, StoreError> {
        Ok(NatsTokens {
            tokens: bucket(context, "fhe-nn-tokens", Duration::ZERO).await?,
        })
    }

    async fn find(&self, token: &str) -> Result<Option<TokenRecord>, StoreError> {
        let found = self.tokens.get(token).await;
        let found = found.map_err(|error| failed("a token", error))?;
        let read = found.map(|bytes| serde_json::from_slice(&bytes));
        read.transpose().map_err(|error| failed("a token", error))
    }
}

#[async_trait]
impl Tokens for NatsTokens {
    async fn tenant(&self, token: &TokenHash) -> Result<Option<Tenant>, StoreError> {
        let found = self.find(&token.to_string()).await?;
        Ok(found.map(|record| record.tenant))
    }

    async fn is_empty(&self) -> Result<bool, StoreError> {
        let names = self
            .tokens
            .keys()
            .await
            .map_err(|error| failed("the tokens", error))?;
        let first = std::pin::pin!(names).try_next().await;
        Ok(first
            .map_err(|error| failed("the tokens", error))?
            .is_none())
    }

    async fn list(&self) -> Result<Vec<TokenRecord>, StoreError> {
        let broken = |error| failed("the tokens", error);
        let names = self.tokens.keys().await.map_err(broken)?;
        let names: Vec<String> = names
            .try_collect()
            .await
            .map_err(|error| failed("the tokens", error))?;
        let mut all = Vec::new();
        for name in names {
            all.extend(self.find(&name).await?);
        }
        all.sort_by_key(|record| record.since);
        Ok(all)
    }

    async fn add(&self, token: TokenRecord) -> Result<(), StoreError> {
        let record = serde_json::to_vec(&token).map_err(|error| failed("a token", error))?;
        let put = self.tokens.put(token.hash.to_string(), record.into()).await;
        put.map(drop).map_err(|error| failed("a token", error))
    }

    async fn revoke(&self, token: &TokenHash) -> Result<bool, StoreError> {
        let name = token.to_string();
        let there = self.find(&name).await?.is_some();
        let purged = self.tokens.purge(name).await;
        purged
            .map(|()| there)
            .map_err(|error| failed("a token", error))
    }
}
