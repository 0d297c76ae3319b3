//! Keys that have arrived: files, and their index in the database. What changes both is done to its end, also if whoever
//! asked for it is gone.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{ReadTransaction, ReadableTable};
use tempfile::NamedTempFile;

use super::database::{Database, KEYS, broken, json, parse};
use super::{make, sync};
use crate::protocol::{Hash, Tenant};
use crate::store::{KeyRecord, Put, StoreError};

/// Keys that have arrived.
pub(super) struct Shelf {
    keys: PathBuf,
    database: Arc<Database>,
    /// Held from a change of files to that of the index, so that a key that is sent while it is removed has both or none.
    changes: tokio::sync::Mutex<()>,
}

impl Shelf {
    /// Opens the keys, and removes files that are not in the index.
    pub(super) fn open(keys: PathBuf, database: Arc<Database>) -> Result<Arc<Self>, StoreError> {
        make(&keys)?;
        let shelf = Shelf {
            keys,
            database,
            changes: tokio::sync::Mutex::new(()),
        };
        let all = shelf.database.read_now(all)?.into_iter();
        let known: std::collections::HashSet<PathBuf> = all
            .map(|(tenant, key, _)| shelf.path(&tenant, &key))
            .collect();
        for folder in entries(&shelf.keys)? {
            for file in entries(&folder)? {
                if !known.contains(&file) {
                    remove(&file)?;
                }
            }
        }
        Ok(Arc::new(shelf))
    }

    pub(super) fn path(&self, tenant: &str, key: &Hash) -> PathBuf {
        self.keys.join(tenant).join(key.to_string())
    }

    pub(super) async fn record(
        &self,
        tenant: &Tenant,
        key: &Hash,
    ) -> Result<Option<KeyRecord>, StoreError> {
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

    /// The bytes of all keys of a tenant.
    pub(super) async fn used(&self, tenant: &Tenant) -> Result<u64, StoreError> {
        let tenant = tenant.clone();
        let read = self
            .database
            .read(move |transaction| sum(&transaction.open_table(KEYS).map_err(broken)?, &tenant));
        read.await
    }

    /// Puts a received file in its place, and into the index.
    ///
    /// # Errors
    /// [`StoreError::Quota`] if other keys of the tenant have come meanwhile, [`StoreError::Full`] and
    /// [`StoreError::Unavailable`].
    pub(super) async fn put(
        self: &Arc<Self>,
        file: NamedTempFile,
        tenant: &Tenant,
        key: &Hash,
        record: KeyRecord,
        quota: u64,
    ) -> Result<Put, StoreError> {
        let (shelf, tenant, key) = (Arc::clone(self), tenant.clone(), *key);
        whole(async move {
            let _changes = shelf.changes.lock().await;
            shelf.place(file, &tenant, &key)?;
            let entered = shelf.enter(&tenant, &key, record, quota).await;
            if entered.is_err() && shelf.record(&tenant, &key).await?.is_none() {
                remove(&shelf.path(tenant.as_str(), &key))?;
            }
            entered
        })
        .await
    }

    fn place(&self, file: NamedTempFile, tenant: &Tenant, key: &Hash) -> Result<(), StoreError> {
        let path = self.path(tenant.as_str(), key);
        let folder = self.keys.join(tenant.as_str());
        make(&folder)?;
        sync(self.keys.clone())?;
        file.persist(path)
            .map_err(|unput| StoreError::of("a key that arrived", unput.error))?;
        sync(folder)
    }

    async fn enter(
        &self,
        tenant: &Tenant,
        key: &Hash,
        record: KeyRecord,
        quota: u64,
    ) -> Result<Put, StoreError> {
        let (owner, hash) = (tenant.clone(), *key);
        let entered = self.database.write(move |transaction| {
            let mut table = transaction.open_table(KEYS).map_err(broken)?;
            let place = (owner.as_str(), hash.as_bytes());
            let before = table.get(place).map_err(broken)?;
            let before = before.map(|record| parse::<KeyRecord>(record.value()));
            let before = before.transpose()?;
            // other keys may have come meanwhile
            let others = sum(&table, &owner)? - before.as_ref().map_or(0, |known| known.bytes);
            if others.saturating_add(record.bytes) > quota {
                return Err(StoreError::Quota {
                    used: others,
                    wanted: record.bytes,
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
        entered.await
    }

    /// Removes keys from the index and then their files, and returns how many.
    pub(super) async fn forget(
        self: &Arc<Self>,
        which: impl Fn(&str, &Hash, &KeyRecord) -> bool + Send + 'static,
    ) -> Result<usize, StoreError> {
        let shelf = Arc::clone(self);
        whole(async move {
            let _changes = shelf.changes.lock().await;
            let gone = shelf.database.write(move |transaction| {
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
                remove(&shelf.path(tenant, key))?;
            }
            Ok(gone.len())
        })
        .await
    }
}

/// Does work to its end, also if nobody waits for it any more.
async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|error| Err(StoreError::Unavailable(format!("the keys: {error}"))))
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

pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let failed = |source| StoreError::of(&format!("`{}`", folder.display()), source);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        found.push(entry.map_err(failed)?.path());
    }
    Ok(found)
}

/// Removes a file, which may be gone already.
pub(super) fn remove(file: &Path) -> Result<(), StoreError> {
    match fs::remove_file(file) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::of(&format!("`{}`", file.display()), source))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
