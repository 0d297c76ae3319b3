//! What can be wrong with a model, with the numbers inside.

use crate::plan::PlanError;
use crate::spec::{FlowError, Spec};
use crate::widths::Range;

/// Why integers are not a model of a declaration, or cannot run encrypted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The bytes are not a safetensors file, or only a part of one.
    #[error("not a whole safetensors file: {0}")]
    NotSafetensors(Box<dyn core::error::Error + Send + Sync>),
    /// A file of weights is not a quantized model.
    #[error("not a quantized model: {reason}")]
    NotAModel {
        /// The fault in its metadata.
        reason: String,
    },
    /// The model file was written by a later version of this crate.
    #[error("the model has format {found}, but at most {newest} is known")]
    ModelVersion {
        /// Format of the file.
        found: u64,
        /// Newest format that is read.
        newest: u64,
    },
    /// A byte of a model file changed since it was written.
    #[error(
        "the model's SHA-256 differs from the one that was written with it: bytes were changed"
    )]
    Altered,
    /// The model is that of another network.
    #[error("the model is of another network than `{network}`: {difference}")]
    ModelDiffers {
        /// Name of the network.
        network: String,
        /// The first difference between the declarations.
        difference: String,
    },
    /// The macro would not have accepted the declaration.
    #[error("declaration of `{layer}` breaks the law: {law}")]
    Undeclarable {
        /// Name of the layer, or `input`.
        layer: String,
        /// The law.
        law: &'static str,
    },
    /// The file is larger than the limit for reading.
    #[error("the file has {bytes} bytes, but at most {limit} are read")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The largest size that is read.
        limit: u64,
    },
    /// A tensor is missing.
    #[error("tensor `{tensor}` is missing")]
    TensorMissing {
        /// Name of the tensor.
        tensor: String,
    },
    /// A model file has a tensor that its network has no use for.
    #[error("tensor `{tensor}` belongs to no layer of `{network}`")]
    TensorUnknown {
        /// Name of the tensor.
        tensor: String,
        /// Name of the network.
        network: String,
    },
    /// A tensor does not have the shape that its layer takes.
    #[error("tensor `{tensor}` needs shape {expected:?}, but has {actual:?}")]
    TensorShape {
        /// Name of the tensor.
        tensor: String,
        /// Shape that the layer takes.
        expected: Vec<usize>,
        /// Shape that it has.
        actual: Vec<usize>,
    },
    /// A tensor holds values of the wrong type.
    #[error("tensor `{tensor}` needs type {expected}, but has {actual}")]
    TensorType {
        /// Name of the tensor.
        tensor: String,
        /// Types that are read.
        expected: &'static str,
        /// Type that it has.
        actual: String,
    },
    /// A real value of a tensor is outside its range.
    #[error("value {index} of tensor `{tensor}` is {value}, but {needs}")]
    TensorValue {
        /// Name of the tensor.
        tensor: String,
        /// Position of the value in row-major order.
        index: usize,
        /// The value.
        value: f64,
        /// The requirement that it does not meet.
        needs: &'static str,
    },
    /// An integer of a tensor is outside its range.
    #[error("integer {index} of tensor `{tensor}` is {value}, but must lie in [{lo}, {hi}]")]
    TensorInteger {
        /// Name of the tensor.
        tensor: String,
        /// Position of the integer in row-major order.
        index: usize,
        /// The integer.
        value: i64,
        /// Least allowed value.
        lo: i64,
        /// Greatest allowed value.
        hi: i64,
    },
    /// A neuron does not keep the width that was promised for it.
    #[error(
        "neuron {neuron} of `{layer}` reaches [{}, {}]: {needs} bits, but {promised} are promised{}",
        reaches.lo,
        reaches.hi,
        more(*others)
    )]
    AccumulatorBreaks {
        /// Name of the layer.
        layer: String,
        /// Index of the neuron that needs the most bits; the first, if there are several.
        neuron: usize,
        /// Range that it reaches over all inputs.
        reaches: Range,
        /// Width that it needs.
        needs: u32,
        /// Width that was promised.
        promised: u32,
        /// Number of other neurons of the layer that break their promise.
        others: usize,
    },
    /// A table is wider than the language allows.
    #[error("table of `{layer}` needs {bits} bits, but {limit} are allowed")]
    TableTooWide {
        /// Name of the activation.
        layer: String,
        /// Number of bits that it reads.
        bits: u32,
        /// Greatest number of bits that a table reads.
        limit: u32,
    },
    /// The layers do not fit together; the macro would not have accepted them.
    #[error("`{layer}` {source}")]
    Flow {
        /// Name of the layer.
        layer: String,
        /// Why it does not fit.
        source: FlowError,
    },
    /// The integers handed to a network are not those of its declaration.
    #[error("the integers of the model are not those of the declared layers")]
    PartMissing,
    /// An accumulator is too wide for what reads it.
    #[error(
        "accumulator of neuron {neuron} of `{layer}` may have at most {limit} bits to be read encrypted, but has {width}{}\n  = help: lower `weights` of `{layer}`, or promise `accumulator = {limit}`",
        more(*others)
    )]
    EncryptedWidth {
        /// Name of the linear layer.
        layer: String,
        /// Index of the neuron with the widest accumulator; the first, if there are several.
        neuron: usize,
        /// Width of its accumulator.
        width: u32,
        /// Greatest width.
        limit: u32,
        /// Number of other neurons of the layer that are too wide.
        others: usize,
    },
    /// The sums add up too many values for their noise to be computed in bounded memory.
    #[error(
        "the sums up to those of `{layer}` add up at least {terms} inputs and results of tables, but at most {limit} can be planned"
    )]
    TooManyTerms {
        /// Name of the layer.
        layer: String,
        /// Number of terms that were counted.
        terms: u64,
        /// Greatest number of terms.
        limit: u64,
    },
}

/// Why a model cannot be proved.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The model is not the declared one, or its sums are too wide.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// There are no parameters for the model.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl ModelError {
    /// What a reader of safetensors files reports.
    pub fn not_safetensors(source: impl core::error::Error + Send + Sync + 'static) -> Self {
        ModelError::NotSafetensors(source.into())
    }

    /// What [`Spec::flow`] found.
    pub fn flow(spec: &Spec, (index, source): (usize, FlowError)) -> Self {
        ModelError::Flow {
            layer: spec.layers[index].name.to_string(),
            source,
        }
    }

    /// The error for the neurons of a layer, each given as the range that it reaches and the width that was
    /// promised for it. It names the neuron that needs the most bits among those that break their promise;
    /// `None` if none does.
    pub fn breaks(layer: &str, neurons: impl IntoIterator<Item = (Range, u32)>) -> Option<Self> {
        let neurons = neurons.into_iter().enumerate();
        let broken = neurons.filter(|(_, (reaches, promised))| reaches.signed_bits() > *promised);
        let broken: Vec<_> = broken.collect();
        // `max_by_key` takes the last of several
        let most = |(_, (reaches, _)): &&(usize, (Range, u32))| reaches.signed_bits();
        let &(neuron, (reaches, promised)) = broken.iter().rev().max_by_key(most)?;
        Some(ModelError::AccumulatorBreaks {
            layer: layer.to_owned(),
            neuron,
            reaches,
            needs: reaches.signed_bits(),
            promised,
            others: broken.len() - 1,
        })
    }
}

/// How many neurons break a law in addition to the named one: "; so do 3 more neurons", or nothing.
pub fn more(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => "; so does 1 more neuron".to_owned(),
        _ => format!("; so do {others} more neurons"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_neurons_the_first_that_needs_most_is_named() {
        let reaches = |hi| Range { lo: -1, hi };
        let neurons = [3, 9, 100, 80, 4].map(|hi| (reaches(hi), 4));
        let error = ModelError::breaks("fc", neurons).expect("9, 100 and 80 take more than 4 bits");
        assert_eq!(
            error.to_string(),
            "neuron 2 of `fc` reaches [-1, 100]: 8 bits, but 4 are promised; so do 2 more neurons"
        );
        assert!(ModelError::breaks("fc", [(reaches(7), 4)]).is_none());
    }
}
