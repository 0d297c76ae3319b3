//! Room on the disk for keys that arrive.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::store::StoreError;

/// Bytes of the disk that keys leave to the database: what was promised needs room to be answered.
const RESERVE: u64 = 64 << 20;

/// Bytes of the keys that arrive.
#[derive(Default)]
pub(super) struct Arriving(AtomicU64);

/// Room that is set aside for a key, until it is dropped.
pub(super) struct Room<'a> {
    arriving: &'a Arriving,
    bytes: u64,
}

impl Arriving {
    /// Sets room aside for a key of this size in a folder. Keys that arrive count whole, although some of their bytes
    /// are on the disk already.
    ///
    /// # Errors
    /// [`StoreError::Full`] if too little is left.
    pub(super) fn take(&self, bytes: u64, folder: &Path) -> Result<Room<'_>, StoreError> {
        let found = rustix::fs::statvfs(folder)
            .map_err(|source| StoreError::of("the disk", source.into()))?;
        let free = found.f_bavail.saturating_mul(found.f_frsize);
        let others = self.0.fetch_add(bytes, Ordering::Relaxed);
        let room = Room {
            arriving: self,
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
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.arriving.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_arrive_together_do_not_overfill_the_disk() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let arriving = Arriving::default();
        let found = rustix::fs::statvfs(folder.path()).expect("it is on a disk");
        let most_of_it = found.f_bavail * found.f_frsize / 3 * 2;
        let first = arriving.take(most_of_it, folder.path());
        assert!(first.is_ok());
        let second = arriving.take(most_of_it, folder.path());
        assert!(matches!(second, Err(StoreError::Full(_))));
        drop((first, second));
        assert!(arriving.take(most_of_it, folder.path()).is_ok());
    }
}
