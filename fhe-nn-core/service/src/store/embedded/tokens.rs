//! Tokens as a file beside the database, so that tokens are made and revoked while a service runs.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::database::json;
use crate::protocol::{Tenant, TokenHash};
use crate::store::{StoreError, TokenRecord, Tokens};

/// The version that is written, which is the newest that is read.
const VERSION: u64 = 1;
/// The most bytes of the file that are read.
const MAX_BYTES: u64 = 64 << 20;
/// How long the content of the file is believed.
const BELIEVED: Duration = Duration::from_millis(500);

/// The tokens of a folder.
pub struct FolderTokens {
    file: PathBuf,
    read: Mutex<Option<(Instant, Arc<Vec<TokenRecord>>)>>,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u64,
    tokens: Vec<TokenRecord>,
}

/// What is read before anything else.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

impl FolderTokens {
    /// The tokens of a folder, which need not be open.
    pub fn open(folder: &Path) -> Self {
        FolderTokens {
            file: folder.join("tokens.json"),
            read: Mutex::new(None),
        }
    }

    /// Returns what the file has. One that is not there has none.
    fn records(&self) -> Result<Arc<Vec<TokenRecord>>, StoreError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, records)) = &*read
            && at.elapsed() < BELIEVED
        {
            return Ok(Arc::clone(records));
        }
        let records = Arc::new(self.load()?);
        *read = Some((Instant::now(), Arc::clone(&records)));
        Ok(records)
    }

    fn load(&self) -> Result<Vec<TokenRecord>, StoreError> {
        let unreadable = |reason: String| {
            StoreError::Unavailable(format!("`{}`: {reason}", self.file.display()))
        };
        let found = match fs::metadata(&self.file) {
            Ok(found) => found,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(unreadable(source.to_string())),
        };
        if found.len() > MAX_BYTES {
            let bytes = found.len();
            return Err(unreadable(format!(
                "{bytes} bytes, but at most {MAX_BYTES} are read"
            )));
        }
        let bytes = fs::read(&self.file).map_err(|source| unreadable(source.to_string()))?;
        let wrong = |source: serde_json::Error| unreadable(source.to_string());
        let Version { version } = serde_json::from_slice(&bytes).map_err(wrong)?;
        if version > VERSION {
            return Err(StoreError::NewerVersion {
                found: version,
                known: VERSION,
            });
        }
        let content: Content = serde_json::from_slice(&bytes).map_err(wrong)?;
        Ok(content.tokens)
    }

    /// Changes the file in one step, while no other process does.
    fn change<T>(&self, change: impl FnOnce(&mut Vec<TokenRecord>) -> T) -> Result<T, StoreError> {
        let failed = |source| StoreError::of(&format!("`{}`", self.file.display()), source);
        let folder = self.file.parent().unwrap_or(Path::new("."));
        super::make(folder)?;
        let lock = fs::File::create(self.file.with_extension("lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut tokens = self.load()?;
        let value = change(&mut tokens);
        let content = json(&Content {
            version: VERSION,
            tokens,
        })?;
        // a temporary file is for its owner alone
        let mut draft = NamedTempFile::new_in(folder).map_err(failed)?;
        draft.write_all(&content).map_err(failed)?;
        draft.as_file().sync_all().map_err(failed)?;
        draft
            .persist(&self.file)
            .map_err(|unput| failed(unput.error))?;
        super::sync(folder.to_owned())?;
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(value)
    }
}

#[async_trait]
impl Tokens for FolderTokens {
    async fn tenant(&self, token: &TokenHash) -> Result<Option<Tenant>, StoreError> {
        let records = self.records()?;
        let mut found = records.iter().filter(|record| record.hash == *token);
        Ok(found.next().map(|record| record.tenant.clone()))
    }

    async fn list(&self) -> Result<Vec<TokenRecord>, StoreError> {
        Ok(self.records()?.to_vec())
    }

    async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.records()?.is_empty())
    }

    async fn add(&self, token: TokenRecord) -> Result<(), StoreError> {
        self.change(|tokens| tokens.push(token))
    }

    async fn revoke(&self, token: &TokenHash) -> Result<bool, StoreError> {
        self.change(|tokens| {
            let before = tokens.len();
            tokens.retain(|record| record.hash != *token);
            tokens.len() < before
        })
    }
}
