//! Keys as files, and their index in the database.
//!
//! A file is written under another name, flushed to the disk, renamed, and then entered in the index. A crash between
//! the last two leaves a file that the index does not have, which is removed when the folder is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use redb::ReadableTable;
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::database::{Database, KEYS, broken, json, parse};
use super::make;
use super::room::Arriving;
use super::shelf::{Shelf, entries, remove};
use crate::protocol::{Hash, Tenant};
use crate::store::{KeyContent, KeyRecord, Keys, Put, StoreError};

/// Bytes that are read at once.
const PIECE: usize = 1 << 18;
/// The keys of a folder.
pub struct FolderKeys {
    shelf: Arc<Shelf>,
    incoming: PathBuf,
    database: Arc<Database>,
    arriving: Arriving,
}

impl FolderKeys {
    /// Opens the keys, and removes what is not in the index.
    pub(super) fn open(folder: &Path, database: Arc<Database>) -> Result<Self, StoreError> {
        let keys = FolderKeys {
            shelf: Shelf::open(folder.join("keys"), Arc::clone(&database))?,
            incoming: folder.join("incoming"),
            database,
            arriving: Arriving::default(),
        };
        make(&keys.incoming)?;
        for file in entries(&keys.incoming)? {
            remove(&file)?;
        }
        Ok(keys)
    }

    /// Receives a key into a file of its own.
    async fn receive(
        &self,
        bytes: u64,
        content: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<NamedTempFile, StoreError> {
        let failed = |source| StoreError::of("a key that arrives", source);
        let _room = self.arriving.take(bytes, &self.incoming)?;
        let file = NamedTempFile::new_in(&self.incoming).map_err(failed)?;
        let mut to = tokio::fs::File::from_std(file.reopen().map_err(failed)?);
        let mut piece = vec![0; PIECE];
        loop {
            let count = content.read(&mut piece).await;
            match count.map_err(StoreError::Content)? {
                0 => break,
                count => to.write_all(&piece[..count]).await.map_err(failed)?,
            }
        }
        to.flush().await.map_err(failed)?;
        to.sync_all().await.map_err(failed)?;
        Ok(file)
    }
}

#[async_trait]
impl Keys for FolderKeys {
    async fn put(
        &self,
        tenant: &Tenant,
        key: &Hash,
        record: KeyRecord,
        quota: u64,
        content: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<Put, StoreError> {
        let wanted = record.bytes;
        let exceeds = |used: u64| StoreError::Quota {
            used,
            wanted,
            quota,
        };
        // a key that is sent again takes no further room
        let known = self.shelf.record(tenant, key).await?.is_some();
        let used = if known { 0 } else { self.used(tenant).await? };
        if used.saturating_add(wanted) > quota {
            return Err(exceeds(used));
        }
        let file = self.receive(wanted, content).await?;
        self.shelf.put(file, tenant, key, record, quota).await
    }

    async fn find(&self, tenant: &Tenant, key: &Hash) -> Result<Option<KeyRecord>, StoreError> {
        let found = self.shelf.record(tenant, key).await?;
        Ok(found.filter(|record| record.until > SystemTime::now()))
    }

    async fn used(&self, tenant: &Tenant) -> Result<u64, StoreError> {
        self.shelf.used(tenant).await
    }

    async fn keep(&self, tenant: &Tenant, key: &Hash, until: SystemTime) -> Result<(), StoreError> {
        let (tenant, key) = (tenant.clone(), *key);
        let write = self.database.write(move |transaction| {
            let mut table = transaction.open_table(KEYS).map_err(broken)?;
            let place = (tenant.as_str(), key.as_bytes());
            let found = table.get(place).map_err(broken)?;
            let found = found.map(|found| parse::<KeyRecord>(found.value()));
            let Some(mut record) = found.transpose()? else {
                return Ok(());
            };
            record.until = record.until.max(until);
            let record = json(&record)?;
            table.insert(place, record.as_slice()).map_err(broken)?;
            Ok(())
        });
        write.await
    }

    async fn open(&self, tenant: &Tenant, key: &Hash) -> Result<Option<KeyContent>, StoreError> {
        if self.find(tenant, key).await?.is_none() {
            return Ok(None);
        }
        match tokio::fs::File::open(self.shelf.path(tenant.as_str(), key)).await {
            Ok(file) => Ok(Some(Box::new(tokio::io::BufReader::with_capacity(
                PIECE, file,
            )))),
            // it was removed meanwhile
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::of("a key", source)),
        }
    }

    async fn remove(&self, tenant: &Tenant, key: &Hash) -> Result<bool, StoreError> {
        let (owner, hash) = (tenant.clone(), *key);
        let gone = self
            .shelf
            .forget(move |tenant, key, _| tenant == owner.as_str() && *key == hash)
            .await?;
        Ok(gone > 0)
    }

    async fn expire(&self, now: SystemTime) -> Result<usize, StoreError> {
        self.shelf
            .forget(move |_, _, record| record.until <= now)
            .await
    }
}
