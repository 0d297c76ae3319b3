//! Networks that keep every law, and the data that they expand to.

use fhe_nn_core::Error;
use fhe_nn_core::Spec;
use fhe_nn_core::error::ModelError;
use fhe_nn_core::prelude::*;
use fhe_nn_core::spec::{
    ActivationSpec, DenseSpec, Function, Input, Layer, Op, Overflow, Rounding,
};

/// The network of the README.
#[fhe_network(input(shape = [784], bits = 1))]
#[derive(Debug, Clone)]
pub struct Digits {
    /// Documentation and visibility of fields are kept.
    #[bits(weights = 2, accumulator = 5, overflow = wrap)]
    pub hidden: Dense<784, 64>,
    #[bits(output = 3, phases = 4)]
    pub(crate) wave: Wave,
    #[bits(weights = 4)]
    scores: Dense<256, 10>,
}

/// Every activation, and every key in every spelling.
#[derive(Debug)]
#[fhe_network(input(shape = [4, 0x7, 1_usize,], bits = 6u32,))]
struct Keys {
    #[bits(weights = 6, overflow = calibrated, accumulator = 17)]
    a: Dense<28, 8>,
    #[bits(table = 8, output = 6, rounding = approximate)]
    sigmoid: Sigmoid,
    #[bits(weights = (6), accumulator = 9, overflow = checked)]
    b: fhe_nn_core::layer::Dense<8, 8>,
    #[bits(table = 6, output = 6, rounding = exact)]
    tanh: fhe_nn_core::layer::Tanh,
    #[bits(weights = 2)]
    c: Dense<8, 4>,
    #[bits(output = 8, table = 1)]
    relu: Relu,
    #[bits(weights = 16)]
    d: Dense<4, 4>,
    #[bits(output = 1, table = 8)]
    r#type: Identity,
    #[bits(weights = 2)]
    e: Dense<4, 4>,
    sign: Sign,
    #[bits(weights = 3, accumulator = 4, overflow = wrap)]
    f: Dense<4, 2>,
    #[bits(phases = 8, table = 9)]
    signs: Sign,
    #[bits(weights = 16, accumulator = 20)]
    g: Dense<16, 3>,
}

macro_rules! network {
    ($name:ident, $bits:literal, $inputs:expr, $weights:expr, $layer:ty) => {
        #[fhe_network(input(shape = [$inputs], bits = $bits))]
        struct $name {
            #[bits(weights = $weights)]
            a: Dense<$inputs, 2>,
            #[bits(output = $bits)]
            act: $layer,
            #[bits(weights = $weights)]
            scores: Dense<2, $bits>,
        }
    };
}
network!(Small, 3, 4, 2, fhe_nn_core::layer::Relu);

/// A struct that is compiled out takes its implementation with it.
#[fhe_network(input(shape = [1], bits = 1))]
#[cfg(any())]
struct Absent {
    #[bits(weights = 2)]
    scores: Dense<1, 1>,
}

#[fhe_network(input(shape = [16777216], bits = 16))]
struct Widest {
    #[bits(weights = 16, accumulator = 20)]
    scores: Dense<16_777_216, 16_777_216>,
}

const fn dense(inputs: usize, outputs: usize, weights: u32, accumulator: u32) -> DenseSpec {
    DenseSpec {
        inputs,
        outputs,
        weights,
        accumulator,
        overflow: Overflow::Checked,
    }
}

const fn activation(function: Function, output: u32) -> ActivationSpec {
    ActivationSpec {
        function,
        output,
        table: None,
        rounding: Rounding::Exact,
        phases: 1,
    }
}

#[test]
fn the_network_of_the_readme_is_data() {
    let layers = const {
        &[
            Layer::new(
                "hidden",
                Op::Dense(DenseSpec {
                    overflow: Overflow::Wrap,
                    ..dense(784, 64, 2, 5)
                }),
            ),
            Layer::new(
                "wave",
                Op::Activation(ActivationSpec {
                    phases: 4,
                    ..activation(Function::Wave, 3)
                }),
            ),
            // 256 x 7 x 7 = 12544
            Layer::new("scores", Op::Dense(dense(256, 10, 4, 15))),
        ]
    };
    assert_eq!(
        *Digits::SPEC,
        Spec::new("Digits", Input::new(&[784], 1), layers)
    );
}

#[test]
fn every_key_arrives() {
    assert_eq!(
        Keys::SPEC.to_string(),
        "\
Keys: input [4, 7, 1] of 6 bits
  a        Dense 28 -> 8, weights 6 bits, accumulator 17 bits calibrated
  sigmoid  Sigmoid to [0, 63], table reads 8 bits (approximate)
  b        Dense 8 -> 8, weights 6 bits, accumulator 9 bits checked (worst case 15)
  tanh     Tanh to [-32, 31], table reads 6 bits (exact)
  c        Dense 8 -> 4, weights 2 bits, accumulator 10 bits checked
  relu     Relu to [0, 255], table reads 1 bits (exact)
  d        Dense 4 -> 4, weights 16 bits, accumulator 26 bits checked
  type     Identity to [-1, 0], table reads 8 bits (exact)
  e        Dense 4 -> 4, weights 2 bits, accumulator 4 bits checked
  sign     Sign to [-1, 1]
  f        Dense 4 -> 2, weights 3 bits, accumulator 4 bits wrap (worst case 5)
  signs    Sign to [-1, 1], table reads 9 bits (exact), 8 phases
  g        Dense 16 -> 3, weights 16 bits, accumulator 20 bits checked
"
    );
}

#[test]
fn numbers_and_types_may_come_through_macro_rules() {
    let layers = const {
        &[
            Layer::new("a", Op::Dense(dense(4, 2, 2, 6))),
            Layer::new("act", Op::Activation(activation(Function::Relu, 3))),
            Layer::new("scores", Op::Dense(dense(2, 3, 2, 5))),
        ]
    };
    assert_eq!(
        *Small::SPEC,
        Spec::new("Small", Input::new(&[4], 3), layers)
    );
}

#[test]
fn the_greatest_extents_do_not_overflow() {
    assert_eq!(Widest::SPEC.input_len(), 1 << 24);
}

#[test]
fn a_network_is_made_of_the_parts_of_its_layers() {
    let none = &mut fhe_nn_core::layer::Parts::new(Vec::new());
    assert!(matches!(
        Digits::from_parts(none),
        Err(Error::Model(ModelError::PartMissing))
    ));
}
