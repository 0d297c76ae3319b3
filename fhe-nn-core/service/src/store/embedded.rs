//! Keys, queue and tokens in one folder, for one process.
//!
//! | in the folder | what |
//! |---|---|
//! | `store.redb` | an ACID database: promised jobs, replies, the index of keys, the store's version; it is locked |
//! | `keys/TENANT/SHA256` | the bytes of a key, which are there before the index has it |
//! | `incoming` | keys that are arriving; what an ended process left there is removed |
//! | `tokens.json` | hashes of bearer tokens, mode 0600, beside the database so that tokens are made while it is locked |
//!
//! A job that nobody was promised lives in memory alone, and is written down with its promise.

mod database;
mod jobs;
mod keys;
mod memory;
mod queue;
mod room;
mod schedule;
mod shelf;
mod tokens;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::database::Database;
pub use self::keys::FolderKeys;
pub use self::queue::FolderQueue;
pub use self::tokens::FolderTokens;
use super::StoreError;

/// A folder with a store, open for this process alone.
pub struct Folder {
    /// The evaluation keys.
    pub keys: Arc<FolderKeys>,
    /// The jobs and replies.
    pub queue: Arc<FolderQueue>,
    /// Who may call.
    pub tokens: Arc<FolderTokens>,
}

impl Folder {
    /// Opens the store in a folder, and makes both if they are not there. Keys that an ended process left half
    /// written are removed, and jobs that it had promised are in the queue again. A store of an older version is
    /// upgraded.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has it, [`StoreError::NewerVersion`], [`StoreError::Full`] and
    /// [`StoreError::Unavailable`].
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        make(folder)?;
        let database = Arc::new(Database::open(&folder.join("store.redb"))?);
        let keys = Arc::new(FolderKeys::open(folder, Arc::clone(&database))?);
        // the entries of the file and of the folder of keys
        sync(folder.to_owned())?;
        Ok(Folder {
            keys,
            queue: Arc::new(FolderQueue::open(database)?),
            tokens: Arc::new(FolderTokens::open(folder)),
        })
    }
}

/// Makes a folder that its owner alone may read, unless it is there.
///
/// # Errors
/// [`StoreError::Full`] and [`StoreError::Unavailable`].
pub(super) fn make(folder: &Path) -> Result<(), StoreError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    let made = builder.recursive(true).create(folder);
    made.map_err(|source| StoreError::of(&format!("`{}`", folder.display()), source))
}

/// Makes the entries of a folder safe against a crash.
///
/// # Errors
/// [`StoreError::Full`] and [`StoreError::Unavailable`].
fn sync(folder: PathBuf) -> Result<(), StoreError> {
    fs::File::open(&folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| StoreError::of(&format!("`{}`", folder.display()), source))
}

#[cfg(test)]
mod tests;
