//! Plans made by hand, so that every kind of parameters is measured.

use fhe_nn_proof::client::{Affine, ClientSpec, Interface, Line};
use fhe_nn_proof::noise::{Decomposition, Shape};
use fhe_nn_proof::plan::{
    Bootstrap, InputPlan, OutputPlan, Plan, PlanOptions, Stage, Sums, Version,
};
use fhe_nn_proof::spec::Rounding;
use fhe_nn_proof::widths::{Lattice, Reader};
use ndarray::Array2;

use super::interval::COUNT;
use crate::layer::Linear;

/// Number of values of one bootstrap.
pub(super) const PHASES: usize = 4;
/// Accumulators are integers modulo 2 to this power.
pub(super) const WIDTH: u32 = 3;

/// The parameters of a first stage.
pub(super) struct Parameters {
    pub(super) next: Next,
    pub(super) input_dimension: u32,
    pub(super) keyswitch: Option<Decomposition>,
    pub(super) small_dimension: u32,
    pub(super) shape: Shape,
    pub(super) extension: u32,
    pub(super) digits: Decomposition,
    pub(super) body: Option<Decomposition>,
    pub(super) key_bits: u32,
    pub(super) companion: u32,
}

/// What follows the first stage.
pub(super) enum Next {
    /// A second stage, with a keyswitch of its own.
    Stage,
    /// Scores under a key of their own.
    Scores,
}

impl Parameters {
    /// Makes a plan for inputs of `fan_in` values for every neuron.
    pub(super) fn plan(&self, fan_in: usize) -> Plan {
        let first = Stage {
            sums: sums(
                "first",
                0,
                Reader::Antiperiodic,
                [fan_in as u32, COUNT as u32],
            ),
            lookup: "wave".into(),
            phases: PHASES as u32,
            rounds: Vec::new().into(),
            bootstrap: Bootstrap {
                keyswitch: self.keyswitch,
                small_dimension: self.small_dimension,
                shape: self.shape,
                extension: self.extension,
                digits: self.digits,
                body: self.body,
                key_bits: self.key_bits,
                companion: self.companion,
            },
            output_variance: 0.0,
            table_variance: 0.0,
            log2_failure: 0.0,
            step_probability: None,
        };
        let second = Stage {
            sums: sums(
                "second",
                1,
                Reader::Antiperiodic,
                [fan_in as u32, COUNT as u32],
            ),
            bootstrap: Bootstrap {
                keyswitch: Some(digits(7, 2)),
                small_dimension: 850,
                shape: glwe(1, 1024),
                extension: 1,
                digits: digits(23, 1),
                body: None,
                key_bits: 1,
                companion: 0,
            },
            ..first.clone()
        };
        let (stages, keyswitch, dimension, element_bits) = match self.next {
            Next::Stage => {
                let dimension = second.bootstrap.shape.lwe_dimension();
                (vec![first, second], None, dimension, 64)
            }
            Next::Scores => (vec![first], Some(digits(3, 6)), 1000, 18),
        };
        let last = stages.len() as u32;
        Plan {
            version: Version::Fourth,
            client: ClientSpec {
                network: "Noise".into(),
                inputs: COUNT * fan_in,
                tokens: None,
                input_bits: 2,
                encoder: Affine {
                    scale: 1.0,
                    zero_point: 0,
                }
                .into(),
                widths: vec![WIDTH].into(),
                lattices: vec![Lattice {
                    step_bits: 0,
                    offset: 0,
                }]
                .into(),
                decoder: vec![Line {
                    slope: 1.0,
                    offset: 0.0,
                }]
                .into(),
                interface: Interface::OWN,
            },
            input: InputPlan {
                dimension: self.input_dimension,
            },
            stages: stages.into(),
            output: OutputPlan {
                sums: sums("scores", last, Reader::Client, [1, 1]),
                keyswitch,
                dimension,
                element_bits,
                variance: 0.0,
                log2_failure: 0.0,
            },
            model: [0; 32],
            options: PlanOptions::default(),
        }
    }
}

/// Makes the sums of one tensor's values, all of the same width.
fn sums(linear: &'static str, source: u32, reader: Reader, [terms, neurons]: [u32; 2]) -> Sums {
    Sums {
        linear: linear.into(),
        sources: vec![source].into(),
        terms,
        reader,
        width: WIDTH,
        step_width: WIDTH,
        table_bits: WIDTH,
        rounding: Rounding::Exact,
        modulus: 1 << WIDTH,
        neurons,
    }
}

/// Makes `COUNT` neurons with these weights, where weight i of neuron j is on input `place(j, i)`.
pub(super) fn layer(weights: &[i16], place: impl Fn(usize, usize) -> usize) -> Linear {
    let mut matrix = Array2::zeros((COUNT, COUNT * weights.len()));
    for j in 0..COUNT {
        for (i, &weight) in weights.iter().enumerate() {
            matrix[[j, place(j, i)]] = weight;
        }
    }
    Linear {
        weights: matrix,
        constants: vec![0; COUNT],
        widths: vec![WIDTH; COUNT],
        scales: vec![1.0; COUNT],
        bias: vec![0.0; COUNT],
        input: Affine {
            scale: 1.0,
            zero_point: 0,
        }
        .into(),
    }
}

pub(super) fn glwe(dimension: u32, polynomial_size: u32) -> Shape {
    Shape {
        dimension,
        polynomial_size,
    }
}

pub(super) fn digits(base_log: u32, levels: u32) -> Decomposition {
    Decomposition { base_log, levels }
}
