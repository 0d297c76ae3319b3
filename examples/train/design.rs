//! What a network of one `Wave` is made of, read from its declaration.

use std::error::Error;

use fhe_nn_core::prelude::*;
use fhe_nn_core::spec::{Function, Op};
use fhe_nn_examples::idx::PIXELS;

/// The numbers of a declaration `Dense` (ternary, `wrap`), `Wave`, `Dense`.
#[derive(Clone, Debug)]
pub(crate) struct Design {
    /// Neurons, and so bootstraps.
    pub(crate) neurons: usize,
    /// Values of an accumulator before it wraps.
    pub(crate) modulus: usize,
    /// Values per neuron.
    pub(crate) phases: usize,
    /// Largest magnitude in the wave's table.
    pub(crate) level: i32,
    /// Largest magnitude of an integer weight of the last layer.
    pub(crate) weight_level: f64,
    /// Names of the two linear layers.
    pub(crate) names: [String; 2],
}

impl Design {
    /// Reads a declaration.
    ///
    /// # Errors
    ///
    /// If it declares another kind of network.
    pub(crate) fn of(spec: &Spec) -> Result<Self, Box<dyn Error>> {
        let other = || {
            format!(
                "`{}` needs a ternary `Dense`, a `Wave` and a `Dense` on {PIXELS} bits",
                spec.name
            )
        };
        let [first, second, third] = &*spec.layers else {
            return Err(other().into());
        };
        let (Op::Dense(hidden), Op::Activation(wave), Op::Dense(scores)) =
            (&first.op, &second.op, &third.op)
        else {
            return Err(other().into());
        };
        let bits = spec.input.bits == 1 && spec.input_len() == PIXELS;
        if !bits || hidden.weights != 2 || wave.function != Function::Wave {
            return Err(other().into());
        }
        Ok(Self {
            neurons: hidden.outputs,
            modulus: 1 << hidden.accumulator,
            phases: wave.phases as usize,
            level: (1 << wave.output) - 1,
            weight_level: f64::from((1 << (scores.weights - 1)) - 1),
            names: [&first.name, &third.name].map(|name| name.to_string()),
        })
    }

    /// Added to an accumulator to get each of a neuron's values.
    pub(crate) fn shifts(&self) -> Vec<i32> {
        (0..self.phases)
            .map(|phase| (phase * self.modulus / (2 * self.phases)) as i32)
            .collect()
    }

    /// The wave's table: odd levels over one period.
    pub(crate) fn table(&self) -> Vec<i32> {
        let half = self.modulus / 2;
        let entry = |r: usize| {
            let falling = 1.0 - (2 * (r % half) + 1) as f64 / self.modulus as f64;
            let level = 2 * (falling * f64::from(self.level)).round() as i32 - self.level;
            if r < half { level } else { -level }
        };
        (0..self.modulus).map(entry).collect()
    }

    /// The slope of the triangle of height 1 that the table approximates.
    pub(crate) fn slope(&self) -> Vec<f32> {
        let half = self.modulus / 2;
        let slope = 2.0 / half as f32;
        (0..self.modulus)
            .map(|r| if r < half { -slope } else { slope })
            .collect()
    }
}
