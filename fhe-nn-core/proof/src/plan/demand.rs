//! What a program asks of its parameters: widths and 2-norms, no weights.

use crate::client::ClientSpec;
use crate::noise::log2_failure;
use crate::plan::Fingerprint;
use crate::widths::Reader;

/// A chain of linear layers, all but the last read by tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// What the client must know.
    pub client: ClientSpec,
    /// The linear layers that tables read.
    pub stages: Vec<StageDemand>,
    /// The linear layer whose accumulators are decrypted.
    pub output: Accumulators,
    /// Fingerprint of the model.
    pub model: Fingerprint,
}

/// A linear layer with the lookup that reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct StageDemand {
    /// The accumulators.
    pub accumulators: Accumulators,
    /// Name of the activation's field.
    pub lookup: String,
    /// Values from each bootstrap.
    pub phases: u32,
}

/// The accumulators of a linear layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Accumulators {
    /// Name of the linear layer's field.
    pub linear: String,
    /// How they are read.
    pub reader: Reader,
    /// Number of input values.
    pub inputs: u32,
    /// Number of neurons.
    pub neurons: u32,
    /// For every width and lattice that occur, the number of neurons and the greatest gain of
    /// their weights.
    pub widths: Vec<WidthDemand>,
}

/// The neurons of one width and lattice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WidthDemand {
    /// Width of the accumulator in bits.
    pub width: u32,
    /// Logarithm of the distance of the accumulator's possible values.
    pub step_bits: u32,
    /// Number of neurons.
    pub neurons: u32,
    /// Greatest [`gain`](crate::noise::gain) of a neuron's weights: the square of their 2-norm, or
    /// more.
    pub gain: f64,
}

impl Accumulators {
    /// Of neurons given as width, logarithm of the lattice's step, and gain of the weights.
    pub fn new(
        linear: String,
        reader: Reader,
        inputs: u32,
        neurons: impl IntoIterator<Item = (u32, u32, f64)>,
    ) -> Self {
        let mut widths: Vec<WidthDemand> = Vec::new();
        for (width, step_bits, gain) in neurons {
            let same =
                |demand: &&mut WidthDemand| demand.width == width && demand.step_bits == step_bits;
            match widths.iter_mut().find(same) {
                Some(demand) => {
                    demand.neurons += 1;
                    demand.gain = demand.gain.max(gain);
                }
                None => widths.push(WidthDemand {
                    width,
                    step_bits,
                    neurons: 1,
                    gain,
                }),
            }
        }
        widths.sort_by_key(|demand| (demand.width, demand.step_bits));
        let neurons = widths.iter().map(|demand| demand.neurons).sum();
        Accumulators {
            linear,
            reader,
            inputs,
            neurons,
            widths,
        }
    }

    /// Width of the widest accumulator.
    pub fn width(&self) -> u32 {
        self.widths.last().map_or(1, |demand| demand.width)
    }

    /// Accumulators of the layer are multiples of `2^-modulus_bits` of the torus.
    pub fn modulus_bits(&self) -> u32 {
        self.reader.modulus_bits(self.width())
    }

    /// Greatest 2-norm of a neuron's weights: the root of their gain.
    pub fn norm(&self) -> f64 {
        libm::sqrt(
            self.widths
                .iter()
                .map(|demand| demand.gain)
                .fold(0.0, f64::max),
        )
    }

    /// The constraints: one for each width and lattice.
    ///
    /// All ciphertexts that enter a layer have the step of its widest accumulator, of `A` bits. A
    /// narrower one, of `A_j`, must count modulo its own power of two, so its weights are
    /// multiplied by `2^(A - A_j)`: its noise grows with them, and so does its step.
    pub fn constraints(&self) -> impl Iterator<Item = Constraint> + '_ {
        self.widths.iter().map(|demand| Constraint {
            gain: demand.gain * libm::exp2(2.0 * f64::from(self.width() - demand.width)),
            half_step: libm::exp2(
                f64::from(demand.step_bits) - f64::from(self.reader.modulus_bits(demand.width) + 1),
            ),
            neurons: demand.neurons,
        })
    }
}

/// What keeps the accumulators of one width exact: noise below half a step.
#[derive(Debug, Clone, Copy)]
pub struct Constraint {
    /// How much the variance of the inputs is multiplied by.
    pub gain: f64,
    /// Half the distance of the accumulator's possible values, in fractions of the torus.
    pub half_step: f64,
    /// Number of neurons.
    pub neurons: u32,
}

impl Constraint {
    /// Variance of the noise that the reader sees, if inputs have variance `input` and the way to
    /// the reader adds `added`.
    pub fn variance(&self, input: f64, added: f64) -> f64 {
        self.gain * input + added
    }

    /// Logarithm to base 2 of the probability that any of the neurons is read wrong.
    pub fn log2_failure(&self, input: f64, added: f64) -> f64 {
        libm::log2(f64::from(self.neurons))
            + log2_failure(self.half_step, self.variance(input, added))
    }

    /// The greatest variance that `z` standard deviations of leave room for.
    pub fn budget(&self, z: f64) -> f64 {
        self.half_step * self.half_step / (z * z)
    }
}
