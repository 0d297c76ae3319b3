//! Laws of the integer program.

use ndarray::{Array2, array};

use super::*;
use crate::client::Affine;
use crate::part::Linear;
use crate::spec::{DenseSpec, Input, Layer, Op as SpecOp, Overflow};

#[test]
fn phases_of_an_accumulator_stay_on_its_lattice() {
    // sums of any integers, of odd ones, and empty sums
    for weights in [[1, 3], [4, 8], [0, 0]] {
        let layer = Linear {
            weights: array![weights],
            constants: vec![1],
            widths: vec![4],
            scales: vec![1.0],
            bias: vec![0.0],
            input: Affine {
                scale: 1.0,
                zero_point: 0,
            }
            .into(),
        };
        for (phases, odd) in [1, 2, 4, 8]
            .into_iter()
            .flat_map(|k| [(k, false), (k, true)])
        {
            let lattices = layer.lattices(phases, odd);
            let apart = (1 << 3) / phases;
            assert_eq!(apart % (1 << lattices[0].step_bits), 0, "{phases} {odd}");
        }
    }
}

/// Two fields read one tensor, and a third reads both results: the first reader determines what a unit is
/// worth.
#[test]
fn stages_are_those_of_the_first_reader() {
    let dense = |inputs, outputs| {
        SpecOp::Dense(DenseSpec {
            inputs,
            outputs,
            weights: 2,
            accumulator: 8,
            overflow: Overflow::Checked,
        })
    };
    let act = || {
        SpecOp::Activation(ActivationSpec {
            function: Function::Sign,
            output: 1,
            table: None,
            rounding: Rounding::Exact,
            phases: 1,
        })
    };
    let layers = vec![
        Layer::new("a", dense(2, 2)),
        Layer::new("a_sign", act()),
        Layer::new("b", dense(2, 2)),
        Layer::new("b_sign", act()),
        Layer::reading("sum", &[2, 4], SpecOp::Add),
        Layer::new("scores", dense(2, 1)),
    ];
    let spec = Spec {
        layers: layers.into(),
        ..Spec::new("Net", Input::new(&[2], 1), &[])
    };
    let linear = |outputs| of_weights(Array2::ones((outputs, 2)), 4);
    let (two, one) = (
        Part::Linear(linear(2).into()),
        Part::Linear(linear(1).into()),
    );
    let meanings = [linear(2).input, linear(2).input];
    let parts = [
        two.clone(),
        Part::Antiperiodic,
        two.clone(),
        Part::Antiperiodic,
        Part::Sources(meanings.into()),
        one,
    ];
    let graph = Graph::new(&spec, &parts).expect("the parts of the spec");
    let stages = graph.nodes.iter().map(|node| match &node.op {
        Op::Linear(op) => op.stage,
        Op::Lookup(op) => op.next,
    });
    // `a_sign` is read by `b`, whose sums are read second, and by `sum`, those of `scores` third
    assert_eq!(stages.collect::<Vec<_>>(), [0, 1, 1, 2, 2, 2]);
    assert_eq!((graph.input_stage, graph.stages()), (0, 2));
    // a sum of two odd values is even
    let requirements = graph
        .requirements([0; 32])
        .expect("every width can be read");
    assert_eq!(*requirements.output.sums.sources, [1, 2]);
}

fn of_weights(weights: Array2<i16>, width: u32) -> Linear {
    let neurons = weights.nrows();
    Linear {
        weights,
        constants: vec![0; neurons],
        widths: vec![width; neurons],
        scales: vec![1.0; neurons],
        bias: vec![0.0; neurons],
        input: Affine {
            scale: 1.0,
            zero_point: 0,
        }
        .into(),
    }
}
