//! What a call about inferences asks for: the key, how long it waits, the version of the model, the requests.

use std::time::{Duration, SystemTime};

use axum::http::HeaderMap;
use bytes::Bytes;
use fhe_nn_core::{Kind, Label, Request};

use super::answer::Refused;
use super::{App, Version};
use crate::protocol::{Hash, MAX_BATCH, ModelName, ProblemKind, Tenant, headers};
use crate::store::{KeyRecord, StoreError};

/// # Errors
/// [`ProblemKind::MalformedCall`] if the header of the key is missing or not a hash.
pub(super) fn key_of(headers: &HeaderMap) -> Result<Hash, Refused> {
    let malformed = |detail: String| Refused::new(ProblemKind::MalformedCall, detail).closing();
    let name = headers::KEY;
    let value = headers.get(name);
    let value = value.ok_or_else(|| malformed(format!("the call has no header `{name}`")))?;
    let value = value.to_str().unwrap_or_default();
    let key = value.parse::<Hash>();
    key.map_err(|error| malformed(format!("the header `{name}` is no hash: {error}")))
}

/// How long the caller waits, at most as long as it is granted.
pub(super) fn wait(app: &App, headers: &HeaderMap) -> Duration {
    let preferences = headers.get_all(headers::PREFER).iter();
    let mut waits = preferences.filter_map(|value| headers::read_wait(value.to_str().ok()?));
    let wait = waits.next().unwrap_or_default();
    wait.min(app.parts.settings.wait)
}

/// Finds the version of a model that requests were made for.
pub(super) fn version_of<'a>(
    app: &'a App,
    name: &ModelName,
    requests: &[u8],
) -> Result<&'a Version, Refused> {
    let malformed = |detail: String| Refused::new(ProblemKind::MalformedRequest, detail);
    let label = Label::read(requests);
    let Some(label) = label.filter(|label| label.kind == Kind::Request) else {
        return Err(malformed("the body is not a request".to_owned()));
    };
    let Some((plan, _)) = label.belongs_to else {
        return Err(malformed("the body ends within its head".to_owned()));
    };
    let plan = Hash::from(plan);
    let versions = app.parts.models.named(name);
    let Some(version) = versions.iter().find(|version| version.plan == plan) else {
        return Err(malformed(format!(
            "the request was made for the plan {plan}, which `{name}` does not have"
        )));
    };
    if version.retired {
        let detail = format!(
            "the plan {plan} of `{name}` is no longer served\n  = help: fetch the description, and make new keys"
        );
        return Err(Refused::new(ProblemKind::RetiredPlan, detail));
    }
    Ok(version)
}

/// Checks that requests can be read, and belong to the key.
pub(super) fn check(
    version: &Version,
    record: &KeyRecord,
    requests: &Bytes,
) -> Result<(), Refused> {
    let malformed = |detail: String| Refused::new(ProblemKind::MalformedRequest, detail);
    if record.plan != version.plan {
        let detail = format!(
            "the evaluation key was made for the plan {}, the request for {}",
            record.plan, version.plan
        );
        return Err(Refused::new(ProblemKind::KeyOfAnotherModel, detail));
    }
    let each = usize::try_from(version.request_bytes).unwrap_or(usize::MAX);
    let count = requests.len().div_ceil(each);
    if count > MAX_BATCH {
        let detail = format!("the body has {count} requests, but at most {MAX_BATCH} are read");
        return Err(Refused::new(ProblemKind::TooLarge, detail));
    }
    let mut from = &requests[..];
    loop {
        let label = Label::read(from);
        let request = Request::read(&mut from, version.plan());
        match request.map_err(|error| malformed(error.to_string()))? {
            None => return Ok(()),
            Some(_) => {
                let id = label.and_then(|label| label.belongs_to).map(|(_, id)| id);
                if id != Some(record.id) {
                    let detail =
                        "a request was made under another client key than the evaluation key";
                    return Err(Refused::new(ProblemKind::KeyOfAnotherModel, detail));
                }
            }
        }
    }
}

/// Keeps a key longer because it is used, if that makes a difference of a tenth of its life.
pub(super) async fn keep(
    app: &App,
    tenant: &Tenant,
    key: &Hash,
    record: &KeyRecord,
) -> Result<(), StoreError> {
    let lifetime = app.parts.settings.key_lifetime;
    let until = SystemTime::now() + lifetime;
    if record.until + lifetime / 10 < until {
        app.parts.keys.keep(tenant, key, until).await?;
    }
    Ok(())
}
