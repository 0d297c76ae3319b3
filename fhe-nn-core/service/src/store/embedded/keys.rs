//! Keys as files, and their index in the database.
//!
//! A file is written under another name, flushed to the disk, renamed, and then entered in the index. A crash between
//! the last two leaves a file that the index does not have, which is removed when the folder is opened.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use async_trait::async_trait;
use redb::{ReadTransaction, ReadableTable};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::database::{Database, KEYS, broken};
use super::{make, sync};
use crate::protocol::{Hash, Tenant};
use crate::store::{KeyContent, KeyRecord, Keys, Put, StoreError};

/// Bytes that are read at once.
const PIECE: usize = 1 << 18;
/// Bytes of the disk that keys leave to the database: what was promised needs room to be answered.
const RESERVE: u64 = 64 << 20;

/// The keys of a folder.
pub struct FolderKeys {
    keys: PathBuf,
    incoming: PathBuf,
    database: Arc<Database>,
    /// Bytes of the keys that arrive.
    arriving: AtomicU64,
    /// Held from a change of files to that of the index, so that a key that is sent while it is removed has both or none.
    changes: tokio::sync::Mutex<()>,
}

impl FolderKeys {
    /// Opens the keys, and removes what is not in the index.
    pub(super) fn open(folder: &Path, database: Arc<Database>) -> Result<Self, StoreError> {
        let keys = FolderKeys {
            keys: folder.join("keys"),
            incoming: folder.join("incoming"),
            database,
            arriving: AtomicU64::new(0),
            changes: tokio::sync::Mutex::new(()),
        };
        make(&keys.keys)?;
        make(&keys.incoming)?;
        for file in entries(&keys.incoming)? {
            remove(&file)?;
        }
        let known: HashSet<PathBuf> = keys.database.read_now(|transaction| {
            let all = all(transaction)?.into_iter();
            Ok(all
                .map(|(tenant, key, _)| keys.path(&tenant, &key))
                .collect())
        })?;
        for folder in entries(&keys.keys)? {
            for file in entries(&folder)? {
                if !known.contains(&file) {
                    remove(&file)?;
                }
            }
        }
        Ok(keys)
    }

    fn path(&self, tenant: &str, key: &Hash) -> PathBuf {
        self.keys.join(tenant).join(key.to_string())
    }

    /// Receives a key into a file of its own.
    async fn receive(
        &self,
        bytes: u64,
        content: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<NamedTempFile, StoreError> {
        let failed = |source| StoreError::of("a key that arrives", source);
        let _room = self.take_room(bytes)?;
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

    /// Sets room aside for a key of this size. Keys that arrive count whole, although some of their bytes are on the
    /// disk already.
    ///
    /// # Errors
    /// [`StoreError::Full`] if too little is left.
    fn take_room(&self, bytes: u64) -> Result<Room<'_>, StoreError> {
        let found = rustix::fs::statvfs(&self.incoming)
            .map_err(|source| StoreError::of("the disk", source.into()))?;
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        let others = self.arriving.fetch_add(bytes, Ordering::Relaxed);
        let room = Room {
            arriving: &self.arriving,
            bytes,
        };
        if free < bytes.saturating_add(others).saturating_add(RESERVE) {
            return Err(StoreError::Full(format!(
                "the disk has {free} bytes left, but the key has {bytes}, others that arrive {others}, and {RESERVE} \
                 are kept free"
            )));
        }
        Ok(room)
    }

    /// Puts a received file in its place.
    fn place(&self, file: NamedTempFile, tenant: &Tenant, key: &Hash) -> Result<(), StoreError> {
        let path = self.path(tenant.as_str(), key);
        let folder = self.keys.join(tenant.as_str());
        make(&folder)?;
        sync(self.keys.clone())?;
        file.persist(path)
            .map_err(|unput| StoreError::of("a key that arrived", unput.error))?;
        sync(folder)
    }

    /// Removes keys from the index and then their files.
    async fn forget(
        &self,
        which: impl Fn(&str, &Hash, &KeyRecord) -> bool + Send + 'static,
    ) -> Result<usize, StoreError> {
        let _changes = self.changes.lock().await;
        let gone = self.database.write(move |transaction| {
            let mut table = transaction.open_table(KEYS).map_err(broken)?;
            let mut gone = Vec::new();
            for entry in table.iter().map_err(broken)? {
                let (tenant, key, record) = read(entry)?;
                if which(&tenant, &key, &record) {
                    gone.push((tenant, key));
                }
            }
            for (tenant, key) in &gone {
                table
                    .remove((tenant.as_str(), key.as_bytes()))
                    .map_err(broken)?;
            }
            Ok(gone)
        });
        let gone = gone.await?;
        for (tenant, key) in &gone {
            remove(&self.path(tenant, key))?;
        }
        Ok(gone.len())
    }

    async fn record(&self, tenant: &Tenant, key: &Hash) -> Result<Option<KeyRecord>, StoreError> {
        let (tenant, key) = (tenant.clone(), *key);
        let read = self.database.read(move |transaction| {
            let table = transaction.open_table(KEYS).map_err(broken)?;
            let found = table
                .get((tenant.as_str(), key.as_bytes()))
                .map_err(broken)?;
            found.map(|record| parse(record.value())).transpose()
        });
        read.await
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
        let known = self.record(tenant, key).await?.is_some();
        let used = if known { 0 } else { self.used(tenant).await? };
        if used.saturating_add(wanted) > quota {
            return Err(exceeds(used));
        }
        let file = self.receive(wanted, content).await?;
        let _changes = self.changes.lock().await;
        self.place(file, tenant, key)?;
        let (owner, hash) = (tenant.clone(), *key);
        let entered = self.database.write(move |transaction| {
            let mut table = transaction.open_table(KEYS).map_err(broken)?;
            let place = (owner.as_str(), hash.as_bytes());
            let before = table.get(place).map_err(broken)?;
            let before = before.map(|record| parse::<KeyRecord>(record.value()));
            let before = before.transpose()?;
            // other keys may have come meanwhile
            let others = sum(&table, &owner)? - before.as_ref().map_or(0, |known| known.bytes);
            if others.saturating_add(wanted) > quota {
                return Err(StoreError::Quota {
                    used: others,
                    wanted,
                    quota,
                });
            }
            let put = match before {
                None => Put::New,
                Some(_) => Put::Again,
            };
            let since = before.map_or(record.since, |known| known.since);
            let record = json(&KeyRecord { since, ..record })?;
            table.insert(place, record.as_slice()).map_err(broken)?;
            Ok(put)
        });
        let entered = entered.await;
        if entered.is_err() && self.record(tenant, key).await?.is_none() {
            remove(&self.path(tenant.as_str(), key))?;
        }
        entered
    }

    async fn find(&self, tenant: &Tenant, key: &Hash) -> Result<Option<KeyRecord>, StoreError> {
        let found = self.record(tenant, key).await?;
        Ok(found.filter(|record| record.until > SystemTime::now()))
    }

    async fn used(&self, tenant: &Tenant) -> Result<u64, StoreError> {
        let tenant = tenant.clone();
        let read = self
            .database
            .read(move |transaction| sum(&transaction.open_table(KEYS).map_err(broken)?, &tenant));
        read.await
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
        match tokio::fs::File::open(self.path(tenant.as_str(), key)).await {
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
            .forget(move |tenant, key, _| tenant == owner.as_str() && *key == hash)
            .await?;
        Ok(gone > 0)
    }

    async fn expire(&self, now: SystemTime) -> Result<usize, StoreError> {
        self.forget(move |_, _, record| record.until <= now).await
    }
}

/// Room that is set aside for a key, until it is dropped.
struct Room<'a> {
    arriving: &'a AtomicU64,
    bytes: u64,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.arriving.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

type Entry<'a> = (
    redb::AccessGuard<'a, (&'static str, &'static [u8; 32])>,
    redb::AccessGuard<'a, &'static [u8]>,
);

/// Every key with its tenant.
fn all(transaction: &ReadTransaction) -> Result<Vec<(String, Hash, KeyRecord)>, StoreError> {
    let table = transaction.open_table(KEYS).map_err(broken)?;
    table.iter().map_err(broken)?.map(read).collect()
}

fn read(
    entry: Result<Entry<'_>, redb::StorageError>,
) -> Result<(String, Hash, KeyRecord), StoreError> {
    let (place, record) = entry.map_err(broken)?;
    let (tenant, key) = place.value();
    Ok((tenant.to_owned(), (*key).into(), parse(record.value())?))
}

/// The bytes of all keys of a tenant.
fn sum(
    table: &impl ReadableTable<(&'static str, &'static [u8; 32]), &'static [u8]>,
    tenant: &Tenant,
) -> Result<u64, StoreError> {
    let (first, last) = ([0; 32], [u8::MAX; 32]);
    let own = (tenant.as_str(), &first)..=(tenant.as_str(), &last);
    let mut bytes = 0u64;
    for entry in table.range(own).map_err(broken)? {
        bytes = bytes.saturating_add(read(entry)?.2.bytes);
    }
    Ok(bytes)
}

/// A record as it is stored.
pub(super) fn json(record: &impl serde::Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(record).map_err(|source| StoreError::Unavailable(source.to_string()))
}

/// Reads a stored record.
pub(super) fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes)
        .map_err(|source| StoreError::Unavailable(format!("a record cannot be read: {source}")))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |source| StoreError::of(&format!("`{}`", folder.display()), source);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        found.push(entry.map_err(failed)?.path());
    }
    Ok(found)
}

/// Removes a file, which may be gone already.
fn remove(file: &Path) -> Result<(), StoreError> {
    match fs::remove_file(file) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::of(&format!("`{}`", file.display()), source))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
