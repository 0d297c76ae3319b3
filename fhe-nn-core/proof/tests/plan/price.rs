//! The prices by which the compiler's help compares edits, against the plans themselves.

use fhe_nn_proof::plan::{Plan, PlanOptions, advised_table_bits, widest_table_factor};
use fhe_nn_proof::spec::Rounding;
use fhe_nn_proof::widths::Reader;

use crate::chain::{Chain, Layer};

#[test]
fn the_widest_table_takes_as_many_times_as_long_as_the_help_says() {
    for (reader, width) in [
        (Reader::Padded, 11),
        (Reader::Padded, 9),
        (Reader::Antiperiodic, 12),
    ] {
        for rounding in [Rounding::Exact, Rounding::Approximate] {
            let seconds = |table: u32| {
                let layer = Layer {
                    table,
                    rounding,
                    ..Layer::alike(reader, 64, width, 400.0)
                };
                let chain = Chain {
                    inputs: 30,
                    hidden: vec![layer],
                    last: Layer::alike(Reader::Client, 10, 10, 400.0),
                };
                let plan = Plan::find(&chain.requirements(), &PlanOptions::default());
                plan.expect("parameters").predicted_seconds(2)
            };
            let factor = seconds(reader.max_width()) / seconds(advised_table_bits(reader));
            let said = widest_table_factor(reader, width, rounding);
            assert!(
                (0.7..1.4).contains(&(said / factor)),
                "{reader:?}, {width} bits, {rounding}: {factor:.1} times, but {said:.1} are said"
            );
        }
    }
}
