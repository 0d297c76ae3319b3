//! Evaluation keys in an object store.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use async_nats::datetime::DateTime;
use async_nats::jetstream::object_store::{GetErrorKind, ObjectInfo, ObjectMetadata, ObjectStore};
use async_nats::jetstream::{Context, kv, stream};
use async_trait::async_trait;
use futures_util::TryStreamExt;
use tokio::io::AsyncRead;

use super::connection::{bucket, failed, objects};
use super::content::Kept;
use super::impatient::Impatient;
use crate::protocol::{Hash, Tenant};
use crate::store::{KeyContent, KeyRecord, Keys, Put, StoreError};

/// The name of the object store.
const NAME: &str = "fhe-nn-keys";
/// What of keys belongs to no record is removed after this time without a change: it is of calls that broke off, and of
/// services that ended. The pieces of a call follow each other faster than that.
const ABANDONED: Duration = Duration::from_secs(20 * 60);

/// Evaluation keys on NATS. An object is written before its record, so a key with a record is whole.
pub struct NatsKeys {
    objects: ObjectStore,
    records: kv::Store,
    /// The stream behind the object store.
    stream: stream::Stream,
}

impl NatsKeys {
    pub(super) async fn open(context: &Context) -> Result<Self, StoreError> {
        let objects = objects(context, NAME).await?;
        let stream = context.get_stream(format!("OBJ_{NAME}")).await;
        Ok(NatsKeys {
            objects,
            records: bucket(context, "fhe-nn-key-records", Duration::ZERO).await?,
            stream: stream.map_err(|error| failed("the object store", error))?,
        })
    }

    async fn record(&self, place: &str) -> Result<Option<KeyRecord>, StoreError> {
        let entry = self.entry(place).await?;
        Ok(entry.map(|(record, _)| record))
    }

    /// A record with the number of its last change.
    async fn entry(&self, place: &str) -> Result<Option<(KeyRecord, u64)>, StoreError> {
        let found = self.records.entry(place).await;
        let found = found.map_err(|error| failed("a key", error))?;
        let put = found.filter(|entry| entry.operation == kv::Operation::Put);
        let read = put.map(|entry| {
            let record = serde_json::from_slice(&entry.value)?;
            Ok((record, entry.revision))
        });
        read.transpose()
            .map_err(|error: serde_json::Error| failed("a key", error))
    }

    async fn put_record(&self, place: &str, record: &KeyRecord) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(record).map_err(|error| failed("a key", error))?;
        let put = self.records.put(place, bytes.into()).await;
        put.map(drop).map_err(|error| failed("a key", error))
    }

    /// Keeps a key until a time at least, and returns whether it is there.
    async fn prolong(&self, place: &str, until: SystemTime) -> Result<bool, StoreError> {
        while let Some((record, revision)) = self.entry(place).await? {
            if record.until <= SystemTime::now() {
                return Ok(false);
            }
            if record.until >= until {
                return Ok(true);
            }
            let record = serde_json::to_vec(&KeyRecord { until, ..record });
            let record = record.map_err(|error| failed("a key", error))?;
            match self.records.update(place, record.into(), revision).await {
                Ok(_) => return Ok(true),
                // it was kept or removed by somebody else meanwhile
                Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => {}
                Err(error) => return Err(failed("a key", error)),
            }
        }
        Ok(false)
    }

    /// Removes a record, and then its object.
    async fn drop_key(&self, place: &str) -> Result<(), StoreError> {
        let purged = self.records.purge(place).await;
        purged.map_err(|error| failed("a key", error))?;
        self.drop_object(place).await
    }

    async fn drop_object(&self, place: &str) -> Result<(), StoreError> {
        match self.objects.delete(place).await {
            Err(error) if error.to_string().contains("not found") => Ok(()),
            deleted => deleted.map_err(|error| failed("a key", error)),
        }
    }

    /// The places of all records that match.
    async fn places(&self, of: &str) -> Result<Vec<String>, StoreError> {
        let prefix = format!("$KV.{}.", self.records.name);
        let found = self
            .records
            .stream
            .info_with_subjects(format!("{prefix}{of}"))
            .await;
        let found = found.map_err(|error| failed("the keys", error))?;
        let subjects: HashMap<String, usize> = found
            .try_collect()
            .await
            .map_err(|error| failed("the keys", error))?;
        let places = subjects.into_keys();
        Ok(places
            .filter_map(|subject| subject.strip_prefix(&prefix).map(str::to_owned))
            .collect())
    }

    /// Removes the mark that a removed record leaves, some time after it.
    async fn drop_mark(&self, place: &str, now: SystemTime) -> Result<(), StoreError> {
        let mark = self.records.entry(place).await;
        let mark = mark.map_err(|error| failed("a key", error))?;
        if mark.is_some_and(|mark| age(now, mark.created.into()) > ABANDONED) {
            let subject = format!("$KV.{}.{place}", self.records.name);
            let purged = self.records.stream.purge().filter(subject).await;
            purged.map_err(|error| failed("a key", error))?;
        }
        Ok(())
    }

    /// Removes bytes that belong to no object and objects that have no record, if nobody writes them any more.
    async fn drop_abandoned(
        &self,
        recorded: &HashSet<String>,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let prefix = format!("$O.{NAME}.C.");
        let found = self.stream.info_with_subjects(format!("{prefix}*")).await;
        let found = found.map_err(|error| failed("the keys", error))?;
        let chunks: HashMap<String, usize> = found
            .try_collect()
            .await
            .map_err(|error| failed("the keys", error))?;
        let list = self.objects.list().await;
        let list = list.map_err(|error| failed("the keys", error))?;
        let objects: Vec<ObjectInfo> = list
            .try_collect()
            .await
            .map_err(|error| failed("the keys", error))?;
        for object in &objects {
            let old = |time: DateTime| age(now, time.into()) > ABANDONED;
            // a record that came meanwhile is looked for before its bytes are removed
            if object.modified.is_some_and(old)
                && !recorded.contains(&object.name)
                && self.entry(&object.name).await?.is_none()
            {
                self.drop_object(&object.name).await?;
            }
        }
        let known: HashSet<String> = objects
            .iter()
            .map(|object| format!("{prefix}{}", object.nuid))
            .collect();
        for subject in chunks
            .into_keys()
            .filter(|subject| !known.contains(subject))
        {
            let last = self.stream.get_last_raw_message_by_subject(&subject).await;
            let Ok(last) = last else {
                continue; // it is gone
            };
            if age(now, last.time.into()) > ABANDONED {
                let purged = self.stream.purge().filter(&subject).await;
                purged.map_err(|error| failed("the keys", error))?;
            }
        }
        Ok(())
    }
}

/// How long ago something was.
fn age(now: SystemTime, then: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}

#[async_trait]
impl Keys for NatsKeys {
    async fn put(
        &self,
        tenant: &Tenant,
        key: &Hash,
        record: KeyRecord,
        quota: u64,
        content: &mut (dyn AsyncRead + Send + Unpin),
    ) -> Result<Put, StoreError> {
        let place = place(tenant, key);
        let mut content = Kept::new(content);
        let known = self.find(tenant, key).await?;
        // a record whose object is gone is no key: it is stored anew
        let whole = known.is_some() && self.objects.info(&place).await.is_ok();
        if whole {
            // it counts only if the bytes are right
            let read = tokio::io::copy(&mut content, &mut tokio::io::sink()).await;
            content.check(read.err(), record.bytes)?;
            if self.prolong(&place, record.until).await? {
                return Ok(Put::Again);
            }
            let reason = "the key was removed while it was sent again";
            return Err(StoreError::Unavailable(reason.to_owned()));
        }
        let wanted = record.bytes;
        let check = async || match self.used(tenant).await? {
            used if used.saturating_add(wanted) > quota => Err(StoreError::Quota {
                used,
                wanted,
                quota,
            }),
            _ => Ok(()),
        };
        check().await?;
        let object = ObjectMetadata {
            name: place.clone(),
            ..ObjectMetadata::default()
        };
        let stored = self.objects.put(object, &mut content).await;
        if let Some(error) = content.error.take() {
            return Err(StoreError::Content(error));
        }
        // a store that is full or gone took fewer bytes than came, which is not the caller's mistake
        stored.map_err(|error| failed("a key", error))?;
        // other keys may have come meanwhile
        let checked = match content.check(None, wanted) {
            Ok(()) => check().await,
            wrong => wrong,
        };
        if let Err(wrong) = checked {
            self.drop_key(&place).await?;
            return Err(wrong);
        }
        self.put_record(&place, &record).await?;
        Ok(Put::New)
    }

    async fn find(&self, tenant: &Tenant, key: &Hash) -> Result<Option<KeyRecord>, StoreError> {
        let found = self.record(&place(tenant, key)).await?;
        let now = SystemTime::now();
        Ok(found.filter(|record| record.until > now))
    }

    async fn used(&self, tenant: &Tenant) -> Result<u64, StoreError> {
        let mut bytes = 0_u64;
        for place in self.places(&format!("{}.*", token(tenant))).await? {
            let record = self.record(&place).await?;
            bytes = bytes.saturating_add(record.map_or(0, |record| record.bytes));
        }
        Ok(bytes)
    }

    async fn keep(&self, tenant: &Tenant, key: &Hash, until: SystemTime) -> Result<(), StoreError> {
        self.prolong(&place(tenant, key), until).await.map(drop)
    }

    async fn open(&self, tenant: &Tenant, key: &Hash) -> Result<Option<KeyContent>, StoreError> {
        let place = place(tenant, key);
        let now = SystemTime::now();
        let entry = self.entry(&place).await?;
        let Some((_, revision)) = entry.filter(|(record, _)| record.until > now) else {
            return Ok(None);
        };
        match self.objects.get(&place).await {
            Ok(object) => Ok(Some(Box::new(Impatient::new(object)))),
            Err(error) if error.kind() == GetErrorKind::NotFound => {
                // so that a client who asks is told to send it again, unless it was sent meanwhile
                let purged = self.records.purge_expect_revision(&place, Some(revision));
                if let Err(error) = purged.await {
                    tracing::debug!(%error, "the record of a key without bytes stays");
                }
                Ok(None)
            }
            Err(error) => Err(failed("a key", error)),
        }
    }

    async fn remove(&self, tenant: &Tenant, key: &Hash) -> Result<bool, StoreError> {
        let there = self.find(tenant, key).await?.is_some();
        self.drop_key(&place(tenant, key)).await?;
        Ok(there)
    }

    async fn expire(&self, now: SystemTime) -> Result<usize, StoreError> {
        let (mut expired, mut recorded) = (0, HashSet::new());
        for place in self.places("*.*").await? {
            let Some((record, revision)) = self.entry(&place).await? else {
                self.drop_mark(&place, now).await?;
                continue;
            };
            if record.until > now {
                recorded.insert(place);
                continue;
            }
            let purged = self
                .records
                .purge_expect_revision(&place, Some(revision))
                .await;
            // one that was sent again meanwhile stays
            if purged.is_ok() {
                self.drop_object(&place).await?;
                expired += 1;
            }
        }
        self.drop_abandoned(&recorded, now).await?;
        Ok(expired)
    }
}

/// The name of a tenant as a part of a subject, in which a dot means something else.
pub(super) fn token(tenant: &Tenant) -> String {
    hex::encode(tenant.as_str())
}

fn place(tenant: &Tenant, key: &Hash) -> String {
    format!("{}.{key}", token(tenant))
}
