//! Laws of the integer program.

use super::*;
use ndarray::array;

#[test]
fn phases_of_an_accumulator_stay_on_its_lattice() {
    // sums of any integers, of odd ones, of none
    for weights in [[1, 3], [4, 8], [0, 0]] {
        let layer = Linear {
            weights: array![weights],
            phases: vec![1],
            widths: vec![4],
            scales: vec![1.0],
            bias: vec![0.0],
            input: Affine {
                scale: 1.0,
                zero_point: 0,
            },
        };
        for (phases, odd) in [1, 2, 4, 8]
            .into_iter()
            .flat_map(|k| [(k, false), (k, true)])
        {
            let op = LinearOp {
                layer: &layer,
                reader: Reader::Antiperiodic,
                phases,
                odd,
            };
            let apart = (1 << 3) / phases;
            assert_eq!(apart % (1 << op.lattices()[0].step_bits), 0, "{op:?}");
        }
    }
}
