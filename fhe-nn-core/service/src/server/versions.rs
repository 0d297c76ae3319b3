//! The models that are served, in all their versions.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fhe_nn_core::{Description, EvaluationKey, Model, Plan, PlanOptions, Request, ServerIdentity};

use crate::protocol::{Hash, ModelEntry, ModelList, ModelName};

/// One version of a model: what a worker needs to run it.
pub struct Version {
    /// The name under which it is served.
    pub name: ModelName,
    /// The integers.
    pub model: Model,
    /// What clients are given.
    pub description: Description,
    /// Fingerprint of the plan.
    pub plan: Hash,
    /// Fingerprint of the model.
    pub fingerprint: Hash,
    /// Bytes of an evaluation key as it travels.
    pub key_bytes: u64,
    /// Bytes of a request as it travels.
    pub request_bytes: u64,
    /// Whether it is served no longer.
    pub retired: bool,
}

/// The models that are served, in all their versions.
#[derive(Default)]
pub struct Models {
    /// The versions with one name, the newest first.
    names: BTreeMap<ModelName, Vec<Arc<Version>>>,
    plans: HashMap<Hash, Arc<Version>>,
}

/// Why a model cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// It cannot be read, or has no plan.
    #[error("{}: {source}", path.display())]
    Core {
        /// The file.
        path: PathBuf,
        /// What the library says.
        source: Box<fhe_nn_core::Error>,
    },
    /// The network's name cannot stand in a URL.
    #[error(
        "{}: `{network}` cannot stand in a URL: {reason}\n  = help: `NAME={}` serves it under another name",
        path.display(),
        path.display()
    )]
    Name {
        /// The file.
        path: PathBuf,
        /// The name of the network.
        network: String,
        /// What a name is.
        reason: String,
    },
    /// A description beside the model is one of another model.
    #[error(
        "the description `{}` is of another model than `{}`\n  = help: `fhe-nn describe {} -o {} --force` makes it anew",
        description.display(), path.display(), path.display(), description.display()
    )]
    Description {
        /// The model's file.
        path: PathBuf,
        /// The description's file.
        description: PathBuf,
    },
    /// Two versions are the same.
    #[error("`{}` has the same model and plan as an earlier one", path.display())]
    Twice {
        /// The file of the second.
        path: PathBuf,
    },
}

impl Models {
    /// Adds a version, which is newer than those before it with its name. A description beside the model's file, with
    /// `.description` behind its name, says its plan and the names of its classes; without one, the plan is found by
    /// these options.
    ///
    /// # Errors
    /// [`ModelsError`].
    pub fn add(
        &mut self,
        name: Option<ModelName>,
        path: &Path,
        options: &PlanOptions,
        retired: bool,
    ) -> Result<Arc<Version>, ModelsError> {
        let of = |path: &Path| {
            let path = path.to_owned();
            move |source: fhe_nn_core::Error| ModelsError::Core {
                path,
                source: Box::new(source),
            }
        };
        let model = Model::load(path).map_err(of(path))?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".description");
        let beside = PathBuf::from(beside);
        let description = if beside.exists() {
            let description = Description::load(&beside).map_err(of(&beside))?;
            if description.plan().model != model.fingerprint() {
                return Err(ModelsError::Description {
                    path: path.to_owned(),
                    description: beside,
                });
            }
            description
        } else {
            let plan = model.plan(options).map_err(of(path))?;
            Description::new(plan).map_err(of(path))?
        };
        let name = match name {
            Some(name) => name,
            None => model.spec().name.parse().map_err(|reason| {
                let reason: crate::protocol::NameError = reason;
                ModelsError::Name {
                    path: path.to_owned(),
                    network: model.spec().name.to_string(),
                    reason: reason.to_string(),
                }
            })?,
        };
        let plan = description.plan();
        let version = Arc::new(Version {
            key_bytes: EvaluationKey::message_bytes(plan).map_err(of(path))?,
            request_bytes: Request::message_bytes(plan).map_err(of(path))?,
            plan: plan.fingerprint().into(),
            fingerprint: model.fingerprint().into(),
            name,
            model,
            description,
            retired,
        });
        if self.plans.contains_key(&version.plan) {
            let path = path.to_owned();
            return Err(ModelsError::Twice { path });
        }
        self.plans.insert(version.plan, Arc::clone(&version));
        let versions = self.names.entry(version.name.clone()).or_default();
        versions.insert(0, Arc::clone(&version));
        Ok(version)
    }

    /// All versions with a name, the newest first. There are none if there is no such model.
    pub fn named(&self, name: &ModelName) -> &[Arc<Version>] {
        self.names.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The version with a plan, under whatever name.
    pub fn with_plan(&self, plan: &Hash) -> Option<&Arc<Version>> {
        self.plans.get(plan)
    }

    /// All versions.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Version>> {
        self.names.values().flatten()
    }

    /// What a client is told of all of them.
    pub fn list(&self) -> ModelList {
        let entry = |version: &Arc<Version>| ModelEntry {
            name: version.name.clone(),
            plan: version.plan,
            model: version.fingerprint,
            retired: version.retired,
        };
        ModelList {
            models: self.all().map(entry).collect(),
        }
    }
}

impl Version {
    /// The parameters that clients and workers agree on.
    pub fn plan(&self) -> &Plan {
        self.description.plan()
    }

    /// The description as clients are given it, by a server with this public key.
    pub(super) fn described(&self, identity: ServerIdentity) -> Vec<u8> {
        let description = self.description.clone();
        description.with_server_identity(identity).to_bytes()
    }
}
