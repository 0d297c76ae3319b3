//! The paths of all calls: as routes, in which `{..}` stands for one segment, and made for a call.

use super::{Hash, JobName, ModelName};

/// The names of all models.
pub const MODELS: &str = "/v1/models";
/// The description of a model.
pub const MODEL: &str = "/v1/models/{name}";
/// Where inferences of a model are asked for.
pub const INFERENCES: &str = "/v1/models/{name}/inferences";
/// An inference that was asked for.
pub const INFERENCE: &str = "/v1/inferences/{id}";
/// An evaluation key by its SHA-256.
pub const KEY: &str = "/v1/keys/{sha256}";
/// The public keys that receipts are signed with, of now and of before.
pub const RECEIPT_KEYS: &str = "/v1/receipt-keys";
/// Whether the process lives.
pub const HEALTH: &str = "/healthz";
/// Whether the process takes requests.
pub const READY: &str = "/readyz";
/// Metrics as Prometheus reads them.
pub const METRICS: &str = "/metrics";
/// The calls as an OpenAPI document.
pub const OPENAPI: &str = "/openapi.json";
/// The parameter of [`MODEL`] that asks for the version with this plan fingerprint.
pub const PLAN: &str = "plan";

/// Returns the path of a model's description: of the version with this plan, or of the newest.
pub fn model(name: &ModelName, plan: Option<&Hash>) -> String {
    let path = MODEL.replace("{name}", name.as_str());
    match plan {
        Some(plan) => format!("{path}?{PLAN}={plan}"),
        None => path,
    }
}

/// Returns the path at which inferences of a model are asked for.
pub fn inferences(name: &ModelName) -> String {
    INFERENCES.replace("{name}", name.as_str())
}

/// Returns the path of an inference.
pub fn inference(job: &JobName) -> String {
    INFERENCE.replace("{id}", &job.to_string())
}

/// Returns the path of an evaluation key.
pub fn key(sha256: &Hash) -> String {
    KEY.replace("{sha256}", &sha256.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_fill_the_segments_of_routes() {
        let name: ModelName = "digits.v2".parse().expect("a name");
        let hash = Hash::of(b"");
        assert_eq!(model(&name, None), "/v1/models/digits.v2");
        assert_eq!(
            model(&name, Some(&hash)),
            format!("/v1/models/digits.v2?plan={hash}")
        );
        assert_eq!(inferences(&name), "/v1/models/digits.v2/inferences");
        assert_eq!(key(&hash), format!("/v1/keys/{hash}"));
    }
}
