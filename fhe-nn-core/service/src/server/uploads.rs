//! How many keys arrive at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::protocol::{Problem, ProblemKind, Tenant};

/// The most keys that arrive at the same time.
const ALL: usize = 16;
/// The most of them that are one tenant's.
const OF_TENANT: usize = 4;

/// The keys that arrive.
#[derive(Default)]
pub(super) struct Uploads {
    tenants: Mutex<HashMap<Tenant, usize>>,
}

/// A key that arrives, until it is dropped.
pub(super) struct Upload<'a> {
    uploads: &'a Uploads,
    tenant: Tenant,
}

impl Uploads {
    /// Begins to take a key.
    ///
    /// # Errors
    /// [`ProblemKind::TenantQueueFull`] and [`ProblemKind::QueueFull`] if as many arrive as are taken at once.
    pub(super) fn begin(&self, tenant: &Tenant) -> Result<Upload<'_>, Problem> {
        let mut tenants = self.tenants();
        let own = tenants.get(tenant).copied().unwrap_or(0);
        if own >= OF_TENANT {
            let detail =
                format!("{own} keys of this tenant arrive already, as many as are taken at once");
            return Err(Problem::new(ProblemKind::TenantQueueFull, detail));
        }
        let all: usize = tenants.values().sum();
        if all >= ALL {
            let detail = format!("{all} keys arrive already, as many as are taken at once");
            return Err(Problem::new(ProblemKind::QueueFull, detail));
        }
        tenants.insert(tenant.clone(), own + 1);
        Ok(Upload {
            uploads: self,
            tenant: tenant.clone(),
        })
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<Tenant, usize>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        let mut tenants = self.uploads.tenants();
        let own = tenants.get(&self.tenant).copied().unwrap_or(0);
        if own > 1 {
            tenants.insert(self.tenant.clone(), own - 1);
        } else {
            tenants.remove(&self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(number: usize) -> Tenant {
        format!("tenant-{number}").parse().expect("it is a name")
    }

    #[test]
    fn one_tenant_leaves_room_for_others() {
        let uploads = Uploads::default();
        let begin = |number| uploads.begin(&tenant(number));
        let own: Vec<_> = (0..OF_TENANT).filter_map(|_| begin(0).ok()).collect();
        assert_eq!(own.len(), OF_TENANT);
        let refused = begin(0).err().expect("it has enough");
        assert_eq!(refused.kind(), Some(ProblemKind::TenantQueueFull));
        let others: Vec<_> = (OF_TENANT..ALL)
            .filter_map(|number| begin(number).ok())
            .collect();
        assert_eq!(others.len(), ALL - OF_TENANT);
        let refused = begin(ALL).err().expect("there are enough");
        assert_eq!(refused.kind(), Some(ProblemKind::QueueFull));
        drop(own);
        assert!(begin(0).is_ok() && begin(ALL).is_ok());
        drop(others);
        assert!(uploads.tenants().is_empty());
    }
}
