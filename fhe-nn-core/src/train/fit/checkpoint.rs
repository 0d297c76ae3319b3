//! A training on disk, from which it can be resumed.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor, safetensors as tensors};
use ndarray::Array2;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::history::History;
use super::optimizer::Descent;
use crate::train::error::{Failure, TrainError};
use crate::train::trainable::Trainable;
use crate::{Error, file};

/// The file of a checkpoint, and the training that it belongs to.
pub(super) struct Checkpoint {
    path: PathBuf,
    training: String,
}

/// Everything that is not in tensors.
#[derive(Serialize, Deserialize)]
struct Header {
    /// Version of this format.
    version: u32,
    /// Fingerprint of the declaration, the settings, the calibration samples, the number of examples, and the weights
    /// and scales with which the training began. Those that are not learned are not in a tensor here.
    training: String,
    steps: usize,
    history: History,
}

const VERSION: u32 = 4;
/// The key of the header among the metadata of a safetensors file.
const HEADER: &str = "training";

type Found = (History, BTreeMap<String, Tensor>);

impl Checkpoint {
    /// The checkpoint of a module that is calibrated, but not trained yet.
    ///
    /// # Errors
    /// What candle reports.
    pub(super) fn new(
        path: &Path,
        settings: &impl Debug,
        module: &Trainable,
        samples: &Array2<f32>,
    ) -> Result<Self, Failure> {
        let module_settings = (
            module.precision,
            module.weight_scales,
            module.powers_of_two,
            module.pruned,
            &module.noise,
        );
        let settings = (settings, module_settings, module.spec());
        let mut hash = Sha256::new_with_prefix(format!("{settings:?}"));
        let mut floats = |name: &str, values: &mut dyn Iterator<Item = f32>| {
            hash.update(name);
            values.for_each(|x| hash.update(x.to_le_bytes()));
        };
        for (name, var) in module.named() {
            floats(&name, &mut var.flatten_all()?.to_vec1()?.into_iter());
        }
        for (name, tensor) in module.given.iter() {
            floats(name, &mut tensor.iter().copied());
        }
        floats("samples", &mut samples.iter().copied());
        for tensor in (0..module.scales.len()).filter(|&tensor| module.scales[tensor].is_some()) {
            hash.update(format!("{:?}", module.meaning(tensor)?));
        }
        if !module.several.is_empty() {
            hash.update(format!("{:?}", module.several));
        }
        Ok(Checkpoint {
            path: path.to_owned(),
            training: hex::encode(hash.finalize()),
        })
    }

    /// Writes everything that resuming needs. An existing file stays whole until the new one is complete.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub(super) fn save(
        &self,
        module: &Trainable,
        descent: &Descent,
        history: &History,
        best: &BTreeMap<String, Tensor>,
    ) -> Result<(), Failure> {
        let mut all = descent
            .state()
            .collect::<Result<HashMap<String, Tensor>, _>>()?;
        for (name, var) in module.named() {
            all.insert(format!("now.{name}"), var.as_tensor().copy()?);
        }
        for (name, tensor) in best {
            all.insert(format!("best.{name}"), tensor.clone());
        }
        let header = Header {
            version: VERSION,
            training: self.training.clone(),
            steps: descent.steps,
            history: history.clone(),
        };
        let header = serde_json::to_string(&header).expect("a header has string keys only");
        let metadata = HashMap::from([(HEADER.to_owned(), header)]);
        let bytes = safetensors::serialize(&all, Some(metadata))
            .expect("tensors are whole, and names unique");
        let beside = self.path.with_extension("new");
        file::write(&beside, &bytes)?;
        Ok(
            fs::rename(&beside, &self.path).map_err(|source| Error::Write {
                path: self.path.clone(),
                source,
            })?,
        )
    }

    /// Resumes from the file. The result is `None` if the file does not exist.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] if the file is not a checkpoint of this training, and [`Error::Read`].
    pub(super) fn load(
        &self,
        module: &Trainable,
        descent: &mut Descent,
    ) -> Result<Option<Found>, Failure> {
        if !self.path.exists() {
            return Ok(None);
        }
        let bytes = file::read(&self.path)?;
        let header = header(&bytes).ok_or_else(|| self.refused("it is not a checkpoint"))?;
        if header.version != VERSION {
            return Err(self.refused("it has another version"));
        }
        if header.training != self.training {
            return Err(self.refused(
                "it belongs to another network, or to a training with other settings, weights or examples",
            ));
        }
        let all = tensors::load_buffer(&bytes, &Device::Cpu)?;
        let saved = |kind: &str, name: &str| all.get(&format!("{kind}.{name}"));
        let mut best = BTreeMap::new();
        for (name, var) in module.named() {
            let found = saved("now", &name).zip(saved("best", &name));
            let found =
                found.filter(|(now, best)| now.dims() == var.dims() && best.dims() == var.dims());
            let (now, best_of) = found.ok_or_else(|| self.refused("tensors are missing"))?;
            var.set(&now.to_device(var.device())?)?;
            best.insert(name, best_of.to_device(var.device())?);
        }
        let device = &module.device;
        descent
            .restore(header.steps, |name| all.get(name)?.to_device(device).ok())
            .ok_or_else(|| self.refused("tensors are missing"))?;
        Ok(Some((header.history, best)))
    }

    fn refused(&self, reason: &'static str) -> Failure {
        let path = self.path.clone();
        TrainError::Checkpoint { path, reason }.into()
    }
}

fn header(bytes: &[u8]) -> Option<Header> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).ok()?;
    serde_json::from_str(metadata.metadata().as_ref()?.get(HEADER)?).ok()
}
