//! The database of a folder: its tables, its version, and one thread that writes.
//!
//! A write is safe against a crash when it returns, which costs some milliseconds of waiting for the disk. Writes that
//! come meanwhile share the next wait.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use redb::{ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use tokio::sync::oneshot;

use crate::store::StoreError;

/// The version that is written, which is the newest that is read. An older one will be upgraded here.
const VERSION: u64 = 1;
/// The most writes that share one wait for the disk.
const MOST: usize = 256;

/// The version of the store.
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");
/// Keys by tenant and hash: a record as JSON.
pub(super) const KEYS: TableDefinition<(&str, &[u8; 32]), &[u8]> = TableDefinition::new("keys");
/// Promised jobs by name: a record as JSON.
pub(super) const JOBS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("jobs");
/// Requests of promised jobs by name, as they travel.
pub(super) const REQUESTS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("requests");
/// Finished jobs by name: a record as JSON.
pub(super) const FINISHED: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("finished");
/// Replies of finished jobs by name, as they travel.
pub(super) const REPLIES: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("replies");
/// Finished jobs by the time until which they are kept, in milliseconds since 1970.
pub(super) const UNTIL: TableDefinition<(u64, &[u8; 32]), ()> = TableDefinition::new("until");

/// What tells a caller what became of its write.
type Tell = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What a write does. It says whether the others that share its transaction may be kept, and then tells its caller.
type Work = Box<dyn FnOnce(&WriteTransaction) -> (Result<(), StoreError>, Tell) + Send>;

/// The database of a folder.
pub(super) struct Database {
    file: Arc<File>,
    /// Nothing once the database closes.
    work: Option<Sender<Work>>,
    writer: Option<JoinHandle<()>>,
}

/// The open file, which is opened again after an error of the disk: until then the library refuses to write.
struct File {
    path: PathBuf,
    open: RwLock<Option<Arc<redb::Database>>>,
}

impl Database {
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::NewerVersion`], [`StoreError::Full`], [`StoreError::Unavailable`].
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let opened = open(path)?;
        let file = Arc::new(File {
            path: path.to_owned(),
            open: RwLock::new(Some(Arc::new(opened))),
        });
        let (work, receiver) = channel();
        let writing = Arc::clone(&file);
        let writer = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write_all(&writing, &receiver))
            .map_err(|source| StoreError::of("the thread of the store", source))?;
        Ok(Database {
            file,
            work: Some(work),
            writer: Some(writer),
        })
    }

    /// Changes the database. The change is safe against a crash when this returns. Work that returns an error has
    /// changed nothing, or the error is one of the database, which undoes everything.
    ///
    /// # Errors
    /// Those of `work`, [`StoreError::Full`] and [`StoreError::Unavailable`].
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (tell, told) = oneshot::channel();
        let work: Work = Box::new(move |transaction| {
            let (value, kept) = match work(transaction) {
                Err(StoreError::Full(reason)) => {
                    let again = StoreError::Full(reason.clone());
                    (Err(StoreError::Full(reason)), Err(again))
                }
                Err(StoreError::Unavailable(reason)) => {
                    let again = StoreError::Unavailable(reason.clone());
                    (Err(StoreError::Unavailable(reason)), Err(again))
                }
                value => (value, Ok(())),
            };
            let tell = move |committed: Result<(), StoreError>| {
                // whoever asked may be gone
                let _ = tell.send(value.and_then(|value| committed.map(|()| value)));
            };
            (kept, Box::new(tell))
        });
        let closed = || StoreError::Unavailable("it does not answer".to_owned());
        let sender = self.work.as_ref().ok_or_else(closed)?;
        sender.send(work).map_err(|_| closed())?;
        told.await.map_err(|_| closed())?
    }

    /// Reads the database, on a thread that may wait for the disk.
    ///
    /// # Errors
    /// Those of `read` and [`StoreError::Unavailable`].
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let file = Arc::clone(&self.file);
        let done = tokio::task::spawn_blocking(move || file.read(read)).await;
        done.map_err(|source| StoreError::Unavailable(source.to_string()))?
    }

    /// Reads the database on this thread, while the store is opened.
    ///
    /// # Errors
    /// Those of `read` and [`StoreError::Unavailable`].
    pub(super) fn read_now<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.file.read(read)
    }

    /// Changes the database on this thread, while the store is opened.
    ///
    /// # Errors
    /// Those of `work`, [`StoreError::Full`] and [`StoreError::Unavailable`].
    pub(super) fn write_now<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = self.file.database()?.begin_write().map_err(broken)?;
        let value = work(&transaction)?;
        transaction.commit().map_err(broken)?;
        Ok(value)
    }
}

impl Drop for Database {
    /// Everything that was asked for is written.
    fn drop(&mut self) {
        drop(self.work.take());
        if let Some(writer) = self.writer.take() {
            // a panic of the writer was told by the writes that it did not answer
            let _ = writer.join();
        }
    }
}

impl File {
    fn database(&self) -> Result<Arc<redb::Database>, StoreError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let closed = || StoreError::Unavailable("its file is being opened again".to_owned());
        open.clone().ok_or_else(closed)
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        read(&self.database()?.begin_read().map_err(broken)?)
    }

    /// Opens the file again after an error. Readers keep the old one locked until they end, so this may fail, and is
    /// tried again at the next write.
    fn reopen(&self) {
        let mut database = self.open.write().unwrap_or_else(PoisonError::into_inner);
        *database = None;
        match open(&self.path) {
            Ok(opened) => *database = Some(Arc::new(opened)),
            Err(error) => tracing::error!(%error, "the store cannot be opened again"),
        }
    }
}

/// Writes until the database closes.
fn write_all(file: &File, receiver: &Receiver<Work>) {
    while let Ok(first) = receiver.recv() {
        let others = receiver.try_iter().take(MOST - 1);
        let works: Vec<Work> = std::iter::once(first).chain(others).collect();
        let mut told = Vec::with_capacity(works.len());
        let written = write_together(file, works, &mut told);
        if let Err(error) = &written {
            tracing::error!(%error, "the store cannot be written");
            file.reopen();
        }
        for tell in told {
            tell(again(&written));
        }
    }
}

/// Writes in one transaction. Whoever is to be told is added to `told`.
fn write_together(file: &File, works: Vec<Work>, told: &mut Vec<Tell>) -> Result<(), StoreError> {
    if file.database().is_err() {
        file.reopen();
    }
    let transaction = file.database()?.begin_write().map_err(broken)?;
    let mut kept = Ok(());
    for work in works {
        let (own, tell) = work(&transaction);
        told.push(tell);
        kept = kept.and(own);
    }
    match kept {
        Ok(()) => transaction.commit().map_err(broken),
        Err(error) => {
            // an error of the database undoes it in any case
            let _ = transaction.abort();
            Err(error)
        }
    }
}

/// The same result once more.
fn again(result: &Result<(), StoreError>) -> Result<(), StoreError> {
    match result {
        Ok(()) => Ok(()),
        Err(StoreError::Full(reason)) => Err(StoreError::Full(reason.clone())),
        Err(error) => Err(StoreError::Unavailable(error.to_string())),
    }
}

/// Opens the file, and makes its tables.
fn open(path: &Path) -> Result<redb::Database, StoreError> {
    let locked = || StoreError::Locked {
        folder: path.parent().unwrap_or(path).display().to_string(),
    };
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600); // requests and replies are in it
    }
    let file = options.open(path);
    let file = file.map_err(|source| StoreError::of("the database", source))?;
    let opened = redb::backends::FileBackend::new(file);
    let opened = opened.and_then(|file| redb::Database::builder().create_with_backend(file));
    let database = opened.map_err(|error| match error {
        redb::DatabaseError::DatabaseAlreadyOpen => locked(),
        error => broken(error),
    })?;
    let transaction = database.begin_write().map_err(broken)?;
    {
        let mut meta = transaction.open_table(META).map_err(broken)?;
        let found = meta.get("version").map_err(broken)?.map(|it| it.value());
        match found {
            None => {
                meta.insert("version", VERSION).map_err(broken)?;
            }
            Some(VERSION) => {}
            Some(found) => {
                return Err(StoreError::NewerVersion {
                    found,
                    known: VERSION,
                });
            }
        }
        transaction.open_table(KEYS).map_err(broken)?;
        for table in [JOBS, REQUESTS, FINISHED, REPLIES] {
            transaction.open_table(table).map_err(broken)?;
        }
        transaction.open_table(UNTIL).map_err(broken)?;
    }
    transaction.commit().map_err(broken)?;
    Ok(database)
}

/// What the database reports.
pub(super) fn broken(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Io(source) => StoreError::of("the database", source),
        error => StoreError::Unavailable(format!("the database: {error}")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_version_is_refused() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("store.redb");
        let database = open(&path).expect("it can be made");
        let transaction = database.begin_write().expect("it can be written");
        transaction
            .open_table(META)
            .expect("it is there")
            .insert("version", VERSION + 1)
            .expect("it can be written");
        transaction.commit().expect("it can be written");
        drop(database);
        assert!(matches!(
            Database::open(&path).err(),
            Some(StoreError::NewerVersion { found: 2, known: 1 })
        ));
    }

    #[test]
    fn a_folder_belongs_to_one_process() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let path = folder.path().join("store.redb");
        let first = Database::open(&path).expect("it can be made");
        assert!(matches!(
            Database::open(&path).err(),
            Some(StoreError::Locked { .. })
        ));
        drop(first);
        Database::open(&path).expect("it is free again");
    }
}
