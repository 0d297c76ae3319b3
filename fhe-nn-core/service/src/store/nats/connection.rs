//! The connection, and the streams and buckets that are made with it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream::{self, Context, kv, object_store, stream};

use super::{NatsKeys, NatsQueue, NatsTokens};
use crate::store::StoreError;

/// The version of streams and buckets that is written, and the only one that is read.
const VERSION: u64 = 1;
/// How long an answer of the server may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where a NATS server is, and what it keeps for how long.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// The address, as `nats://127.0.0.1:4222`, or several with commas between them.
    pub url: String,
    /// A file of credentials, if the server wants some.
    pub credentials: Option<PathBuf>,
    /// How long replies are kept; without it, as long as another process said, or for a day.
    pub reply_lifetime: Option<Duration>,
    /// After how long without a sign of life a job is given to another worker. Workers give signs every 10 s.
    pub patience: Duration,
}

impl NatsOptions {
    /// The server at this address, and 30 s without a sign of life.
    pub fn new(url: &str) -> Self {
        NatsOptions {
            url: url.to_owned(),
            credentials: None,
            reply_lifetime: None,
            patience: Duration::from_secs(30),
        }
    }
}

/// The three parts of a store on NATS.
pub struct NatsStore {
    /// Evaluation keys.
    pub keys: Arc<NatsKeys>,
    /// Jobs and replies.
    pub queue: Arc<NatsQueue>,
    /// Tokens.
    pub tokens: Arc<NatsTokens>,
}

impl NatsStore {
    /// Connects to a server, and makes the streams and buckets that it does not have. It must be called within a
    /// runtime that lives as long as the store.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and [`StoreError::NewerVersion`].
    pub async fn connect(options: &NatsOptions) -> Result<Self, StoreError> {
        let context = connected(options).await?;
        Ok(NatsStore {
            keys: Arc::new(NatsKeys::open(&context).await?),
            queue: Arc::new(NatsQueue::open(&context, options).await?),
            tokens: Arc::new(NatsTokens::open(&context).await?),
        })
    }
}

impl NatsTokens {
    /// Connects to a server for its tokens alone.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and [`StoreError::NewerVersion`].
    pub async fn connect(options: &NatsOptions) -> Result<Self, StoreError> {
        Self::open(&connected(options).await?).await
    }
}

/// Connects to a server whose store has the version of this program.
///
/// # Errors
/// [`StoreError::Unavailable`] and [`StoreError::NewerVersion`].
async fn connected(options: &NatsOptions) -> Result<Context, StoreError> {
    let mut connect = ConnectOptions::new()
        .name("fhe-nn")
        .request_timeout(Some(TIMEOUT));
    if let Some(path) = &options.credentials {
        connect = connect.credentials_file(path).await.map_err(|source| {
            let path = path.display();
            StoreError::Unavailable(format!("the credentials `{path}` cannot be read: {source}"))
        })?;
    }
    let servers: Vec<&str> = options.url.split(',').map(str::trim).collect();
    // an address may have a password, so it is not repeated
    let client = connect.connect(servers).await.map_err(|source| {
        StoreError::Unavailable(format!(
            "there is no connection to NATS: {source}\n  = help: start one by `nats-server -js`, or give another address by `--nats URL`"
        ))
    })?;
    let context = jetstream::new(client);
    check_version(&context).await?;
    Ok(context)
}

/// # Errors
/// [`StoreError::NewerVersion`] if the buckets are of another version.
async fn check_version(context: &Context) -> Result<(), StoreError> {
    let versions = bucket(context, "fhe-nn-version", Duration::ZERO).await?;
    // one that is there stays
    let _ = versions.create("version", VERSION.to_string().into()).await;
    let found = versions
        .get("version")
        .await
        .map_err(|error| failed("the version", error))?;
    let text = found
        .as_deref()
        .map(String::from_utf8_lossy)
        .unwrap_or_default();
    match text.parse() {
        Ok(VERSION) => Ok(()),
        Ok(found) => Err(StoreError::NewerVersion {
            found,
            known: VERSION,
        }),
        Err(_) => {
            let reason =
                format!("the version of the store on NATS is `{text}`, which is no number");
            Err(StoreError::Unavailable(reason))
        }
    }
}

/// Opens a bucket. If there is none, one is made whose values are kept for `age`, or for ever if that is 0.
pub(super) async fn bucket(
    context: &Context,
    name: &str,
    age: Duration,
) -> Result<kv::Store, StoreError> {
    if let Ok(store) = context.get_key_value(name).await {
        return Ok(store);
    }
    bucket_of_age(context, name, age).await
}

/// Opens a bucket whose values are kept for `age` from now on.
pub(super) async fn bucket_of_age(
    context: &Context,
    name: &str,
    age: Duration,
) -> Result<kv::Store, StoreError> {
    let what = format!("the bucket {name}");
    // as the library makes it, which first asks a question whose answer of version 2.9 it cannot read
    let found = context.get_stream(format!("KV_{name}")).await;
    let kept = match found {
        Ok(found) => found.cached_info().config.clone(),
        Err(_) => stream::Config {
            name: format!("KV_{name}"),
            subjects: vec![format!("$KV.{name}.>")],
            max_messages_per_subject: 1,
            discard: stream::DiscardPolicy::New,
            allow_rollup: true,
            deny_delete: true,
            allow_direct: true,
            num_replicas: 1,
            ..stream::Config::default()
        },
    };
    // doubles cannot be told for longer than anything is kept
    let duplicate_window = match age {
        Duration::ZERO => kept.duplicate_window,
        age => kept.duplicate_window.min(age),
    };
    let config = stream::Config {
        max_age: age,
        duplicate_window,
        ..kept
    };
    let made = context.create_or_update_stream(config).await;
    made.map_err(|error| failed(&what, error))?;
    let store = context.get_key_value(name).await;
    store.map_err(|error| failed(&what, error))
}

/// Opens an object store, which is made if there is none.
pub(super) async fn objects(
    context: &Context,
    name: &str,
) -> Result<object_store::ObjectStore, StoreError> {
    if let Ok(store) = context.get_object_store(name).await {
        return Ok(store);
    }
    let config = object_store::Config {
        bucket: name.to_owned(),
        num_replicas: 1,
        ..object_store::Config::default()
    };
    let made = context.create_object_store(config).await;
    made.map_err(|error| failed(&format!("the object store {name}"), error))
}

/// What NATS reports. That it has no room left is told apart by its texts, as its errors have no common type.
pub(super) fn failed(what: &str, error: impl std::error::Error) -> StoreError {
    let mut text = format!("{what}: {error}");
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    let full = ["insufficient", "maximum bytes exceeded", "no space left"];
    if full.iter().any(|words| text.contains(words)) {
        StoreError::Full(text)
    } else {
        StoreError::Unavailable(text)
    }
}
