//! What a program asks of its parameters: widths and 2-norms, no weights.

use crate::client::ClientSpec;
use crate::noise::log2_failure;
use crate::plan::Fingerprint;
use crate::spec::Rounding;
use crate::widths::Reader;

/// Sums of values, all but the last read by tables, which make the values of later ones.
///
/// Every set of accumulators names the values that it sums up. If sums of several layers read the same
/// values, these must be worth the same to all of them: see [`Program::new`].
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// What the client must know.
    pub client: ClientSpec,
    /// The sums that tables read, in the order of execution.
    pub stages: Vec<StageDemand>,
    /// The sums that are decrypted.
    pub output: Accumulators,
    /// Fingerprint of the model.
    pub model: Fingerprint,
}

/// A layer of sums with the lookup that reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct StageDemand {
    /// The sums.
    pub accumulators: Accumulators,
    /// Name of the activation's field.
    pub lookup: String,
    /// Values from each bootstrap.
    pub phases: u32,
}

/// The accumulators of a layer of sums.
#[derive(Debug, Clone, PartialEq)]
pub struct Accumulators {
    /// Name of the layer's field.
    pub linear: String,
    /// Whose values are summed up, in ascending order: 0 is the input, `i + 1` are the results of stage i.
    pub sources: Vec<u32>,
    /// How they are read.
    pub reader: Reader,
    /// Bits that are read at most: the top ones of a wider accumulator.
    pub table: u32,
    /// How lower bits are dropped.
    pub rounding: Rounding,
    /// Values that a sum adds up, on average.
    pub terms: u32,
    /// All ciphertexts have the step of an accumulator of so many bits: the widest, or a wider one if
    /// other layers read the same values.
    pub scale: u32,
    /// The torus holds so many of these steps.
    pub modulus: u64,
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
    /// Of neurons given as width, logarithm of the lattice's step, and gain of the weights; they are
    /// read whole, by a scale of their own.
    pub fn new(
        linear: String,
        sources: Vec<u32>,
        reader: Reader,
        terms: u32,
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
        let accumulators = Accumulators {
            linear,
            sources,
            reader,
            table: 0,
            rounding: Rounding::Exact,
            terms,
            scale: 0,
            modulus: 0,
            neurons,
            widths,
        };
        accumulators.read_by(reader.max_width(), Rounding::Exact)
    }

    /// Read by their top bits, at most so many.
    pub fn read_by(self, table: u32, rounding: Rounding) -> Self {
        let scale = self.width();
        Accumulators {
            table,
            rounding,
            scale,
            modulus: modulus(self.reader, scale, table, rounding),
            ..self
        }
    }

    /// Width of the widest accumulator.
    pub fn width(&self) -> u32 {
        self.widths.last().map_or(1, |demand| demand.width)
    }

    /// Bits that are dropped of an accumulator of so many.
    pub fn dropped_bits(&self, width: u32) -> u32 {
        width.saturating_sub(self.table)
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
    /// All ciphertexts that enter a layer have the step of an accumulator of `A` bits, the scale. A
    /// narrower one, of `A_j`, must count modulo its own power of two, so its weights are
    /// multiplied by `2^(A - A_j)`: its noise grows with them, and so does its step. The step that a
    /// table tells apart is that of its top bits, or of the lattice of the accumulators.
    pub fn constraints(&self) -> impl Iterator<Item = Constraint> + '_ {
        let modulus = self.modulus as f64;
        let guard = (GUARD_STEPS << self.dropped_bits(self.scale)) as f64 / modulus;
        self.widths.iter().map(move |demand| {
            let dropped = self.dropped_bits(demand.width);
            let step_bits = self.scale - demand.width + dropped;
            let step = libm::exp2(f64::from(step_bits)) / modulus;
            let known = demand.step_bits.min(dropped);
            Constraint {
                gain: self.gain(demand),
                tolerance: match self.rounding {
                    Rounding::Exact => {
                        let lattice = demand.step_bits - known;
                        Tolerance::HalfStep(0.5 * step * libm::exp2(f64::from(lattice)))
                    }
                    Rounding::Approximate => Tolerance::Step {
                        step,
                        guard,
                        place_bits: dropped - known,
                    },
                },
                neurons: demand.neurons,
            }
        })
    }

    /// How much the variance of the inputs is multiplied by in accumulators of one width.
    pub(super) fn gain(&self, demand: &WidthDemand) -> f64 {
        demand.gain * libm::exp2(2.0 * f64::from(self.scale - demand.width))
    }
}

/// The torus holds so many steps of an accumulator of so many bits.
///
/// Where approximate rounding reads a range that a padded table holds, noise across an end of the
/// range would change a value's sign, and a score's beyond an end of the circle. So the range does not
/// fill its half of the torus, or the torus: beyond either end there is room for [`GUARD_STEPS`] steps
/// of a table, which read as the last one.
pub(super) fn modulus(reader: Reader, width: u32, table: u32, rounding: Rounding) -> u64 {
    let whole = 1 << reader.modulus_bits(width);
    let guard = GUARD_STEPS << width.saturating_sub(table);
    match (rounding, reader) {
        (Rounding::Exact, _) | (Rounding::Approximate, Reader::Antiperiodic) => whole,
        (Rounding::Approximate, Reader::Padded) => whole + 4 * guard,
        (Rounding::Approximate, Reader::Client) => whole + 2 * guard,
    }
}

/// What the reader of accumulators of one width asks of their noise.
#[derive(Debug, Clone, Copy)]
pub struct Constraint {
    /// How much the variance of the inputs is multiplied by.
    pub gain: f64,
    /// How much noise there may be.
    pub tolerance: Tolerance,
    /// Number of neurons.
    pub neurons: u32,
}

/// How much noise a reader may see, in fractions of the torus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// Less than half the distance of the values that are told apart, which is this.
    HalfStep(f64),
    /// A part of a step of the table: values near the end of one may be read as the next.
    Step {
        /// A step of the table.
        step: f64,
        /// What lies beyond either end of the range, the same for all accumulators of a layer.
        guard: f64,
        /// Accumulators that are read as one step lie at 2 to this power of places in it, equally far
        /// apart, and half as far from its ends.
        place_bits: u32,
    },
}

/// Steps of the widest accumulators' table beyond either end of a range that is read approximately: 18
/// standard deviations of noise at most.
pub const GUARD_STEPS: u64 = 3;
/// The standard deviation of noise that approximate rounding allows, in steps of the table.
pub const APPROXIMATE_NOISE: f64 = 1.0 / 6.0;

impl Constraint {
    /// Variance of the noise that the reader sees, if inputs have variance `input` and the way to
    /// the reader adds `added`.
    pub fn variance(&self, input: f64, added: f64) -> f64 {
        self.gain * input + added
    }

    /// Logarithm to base 2 of the probability that any of the neurons is read wrong: with approximate
    /// rounding, that its noise leaves the guard.
    pub fn log2_failure(&self, input: f64, added: f64) -> f64 {
        let least = match self.tolerance {
            Tolerance::HalfStep(half_step) => half_step,
            Tolerance::Step { guard, .. } => guard,
        };
        libm::log2(f64::from(self.neurons)) + log2_failure(least, self.variance(input, added))
    }

    /// The greatest variance that `z` standard deviations leave room for.
    pub fn budget(&self, z: f64) -> f64 {
        let deviation = match self.tolerance {
            Tolerance::HalfStep(half_step) => half_step / z,
            Tolerance::Step { step, guard, .. } => f64::min(APPROXIMATE_NOISE * step, guard / z),
        };
        deviation * deviation
    }

    /// How likely an accumulator is to be read as a step that it does not lie in, on average over the
    /// places where it can lie in its step; 0 unless it is read approximately.
    pub fn step_probability(&self, input: f64, added: f64) -> f64 {
        let Tolerance::Step {
            step, place_bits, ..
        } = self.tolerance
        else {
            return 0.0;
        };
        // more places make next to no difference
        let places = 1u32 << place_bits.min(6);
        let deviation = libm::sqrt(2.0 * self.variance(input, added)) / step;
        let crosses = |place: u32| {
            let distance = (f64::from(place) + 0.5) / f64::from(places);
            libm::erfc(distance / deviation) // of either end, half of it
        };
        (0..places).map(crosses).sum::<f64>() / f64::from(places)
    }
}
