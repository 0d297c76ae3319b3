//! Expanded keys, bounded by bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use fhe_nn_core::ServerKey;

use crate::protocol::{Hash, Tenant};

/// Expanded keys, of which those that were not used for the longest time go first. An expanded key is several times as
/// large as the one that travels.
pub struct Cache {
    capacity: u64,
    keys: Mutex<Cached<Arc<ServerKey>>>,
}

/// Values by tenant and key.
struct Cached<T> {
    values: HashMap<(Tenant, Hash), Entry<T>>,
    bytes: u64,
    /// Grows with every use.
    clock: u64,
}

struct Entry<T> {
    value: T,
    bytes: u64,
    used: u64,
}

impl Cache {
    /// A cache of at most this many bytes.
    pub fn new(capacity: u64) -> Self {
        Cache {
            capacity,
            keys: Mutex::new(Cached::default()),
        }
    }

    /// Returns a key that is expanded already.
    pub(super) fn get(&self, tenant: &Tenant, key: &Hash) -> Option<Arc<ServerKey>> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(&(tenant.clone(), *key))
    }

    /// Makes room for a key that is about to be expanded, and returns the bytes that are left in use.
    pub(super) fn make_room(&self, bytes: u64) -> u64 {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.shrink(self.capacity.saturating_sub(bytes))
    }

    /// Keeps an expanded key, unless it alone is larger than the cache. Returns the bytes in use.
    pub(super) fn put(
        &self,
        tenant: &Tenant,
        key: &Hash,
        value: Arc<ServerKey>,
        bytes: u64,
    ) -> u64 {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes > self.capacity {
            return keys.bytes;
        }
        keys.shrink(self.capacity - bytes);
        keys.put((tenant.clone(), *key), value, bytes)
    }

    /// Forgets a key.
    pub(super) fn forget(&self, tenant: &Tenant, key: &Hash) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.remove(&(tenant.clone(), *key));
    }
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Cached {
            values: HashMap::new(),
            bytes: 0,
            clock: 0,
        }
    }
}

impl<T: Clone> Cached<T> {
    fn get(&mut self, place: &(Tenant, Hash)) -> Option<T> {
        self.clock += 1;
        let entry = self.values.get_mut(place)?;
        entry.used = self.clock;
        Some(entry.value.clone())
    }

    fn put(&mut self, place: (Tenant, Hash), value: T, bytes: u64) -> u64 {
        self.remove(&place);
        self.clock += 1;
        let used = self.clock;
        self.values.insert(place, Entry { value, bytes, used });
        self.bytes += bytes;
        self.bytes
    }

    fn remove(&mut self, place: &(Tenant, Hash)) {
        if let Some(gone) = self.values.remove(place) {
            self.bytes -= gone.bytes;
        }
    }

    /// Removes values until the others have at most so many bytes, and returns how many they have.
    fn shrink(&mut self, bytes: u64) -> u64 {
        while self.bytes > bytes {
            let oldest = self.values.iter().min_by_key(|(_, entry)| entry.used);
            let Some(place) = oldest.map(|(place, _)| place.clone()) else {
                break;
            };
            self.remove(&place);
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_the_longest_time_goes_first() {
        let place = |number: u8| (Tenant::local(), Hash::from([number; 32]));
        let mut cached = Cached::default();
        cached.put(place(1), 'a', 10);
        cached.put(place(2), 'b', 10);
        assert_eq!(cached.get(&place(1)), Some('a'));
        assert_eq!(cached.shrink(19), 10);
        assert_eq!(cached.get(&place(2)), None);
        assert_eq!(cached.put(place(1), 'c', 7), 7);
        assert_eq!(cached.get(&place(1)), Some('c'));
        assert_eq!(cached.shrink(0), 0);
    }
}
