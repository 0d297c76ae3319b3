//! Plans of networks that are not chains.

use fhe_nn_proof::noise::standard_deviations;
use fhe_nn_proof::plan::{Accumulators, Options, Plan, Prefer, Program, StageDemand};
use fhe_nn_proof::spec::Rounding;
use fhe_nn_proof::widths::Reader;

use crate::chain::{Chain, Layer};

/// A sum that a padded table reads, of so many bits and this gain.
fn stage(name: &str, sources: &[u32], width: u32, gain: f64) -> StageDemand {
    let neurons = vec![(width, 0, gain); 16];
    StageDemand {
        accumulators: Accumulators::new(
            name.to_owned(),
            sources.to_vec(),
            Reader::Padded,
            9,
            neurons,
        ),
        lookup: format!("{name}_act"),
        phases: 1,
    }
}

/// A residual block: the second stage reads the first, the fourth adds the first and the third.
fn residual(wide: Option<Rounding>) -> Program {
    let chain = Chain {
        inputs: 9,
        hidden: Vec::new(),
        last: Layer::alike(Reader::Client, 10, 10, 90.0),
    };
    let Program {
        client,
        output,
        model,
        ..
    } = chain.program();
    let mut stages = vec![
        stage("stem", &[0], 6, 60.0),
        stage("one", &[1], 7, 80.0),
        stage("two", &[2], 7, 80.0),
        stage("sum", &[1, 3], 5, 2.0),
    ];
    if let Some(rounding) = wide {
        let one = stage("one", &[1], 12, 900.0).accumulators;
        stages[1].accumulators = one.read_by(5, rounding);
    }
    let sources = vec![4];
    Program::new(client, stages, Accumulators { sources, ..output }, model)
}

#[test]
fn values_that_are_added_come_under_one_key_and_one_step() {
    for wide in [None, Some(Rounding::Exact), Some(Rounding::Approximate)] {
        for prefer in [Prefer::Fastest, Prefer::SmallestKeys] {
            let program = residual(wide);
            let options = Options {
                prefer,
                ..Options::default()
            };
            let plan = Plan::find(&program, &options).expect("parameters exist");
            assert_eq!(plan.validate(), Ok(()));
            assert!(plan.serves(&program));
            assert_eq!(plan.dimension_of(1), plan.dimension_of(3));
            // the inputs are read by the first alone, and may come under its small key
            let moduli: Vec<u64> = plan.moduli().collect();
            assert_eq!(moduli[1], moduli[3], "both read the first stage's values");
            for (stage, demand) in plan.stages.iter().zip(&program.stages) {
                assert_eq!(stage.modulus, demand.accumulators.modulus);
                assert!(stage.log2_failure < -options.failure_bits + 8.0);
            }
        }
    }
}

/// The sum needs 2^6 steps and the layer beside it 2^8: a step of the sum is four of theirs, and so is the
/// noise that it sees.
#[test]
fn a_coarser_sum_sees_the_noise_that_it_is_multiplied_by() {
    let program = residual(None);
    let (fine, sum) = (
        &program.stages[1].accumulators,
        &program.stages[3].accumulators,
    );
    assert_eq!((fine.scale, sum.scale, sum.width()), (7, 7, 5));
    let constraint = sum.constraints().next().expect("one width");
    assert_eq!(constraint.gain, 2.0 * 16.0);
    let z = standard_deviations(128.0);
    assert_eq!(constraint.budget(z), (0.5f64 / 64.0 / z).powi(2));
}

/// A guard that makes no power of two cannot be shared: there is room for more.
#[test]
fn approximate_rounding_shares_a_power_of_two() {
    let program = residual(Some(Rounding::Approximate));
    let (wide, sum) = (
        &program.stages[1].accumulators,
        &program.stages[3].accumulators,
    );
    assert_eq!((wide.modulus, wide.scale), (1 << 14, 12));
    assert_eq!((sum.modulus, sum.scale), (1 << 14, 13));
}

/// Both branches read the inputs, so that these stay beside the results of the first.
#[test]
fn inputs_that_two_branches_read_stay_under_a_large_key() {
    let mut program = residual(None);
    program.stages[1].accumulators.sources = vec![0];
    program.stages[2].accumulators.sources = vec![1, 2];
    let Program {
        client,
        stages,
        output,
        model,
    } = program;
    let program = Program::new(client, stages, output, model);
    let plan = Plan::find(&program, &Options::default()).expect("parameters exist");
    assert_eq!(plan.validate(), Ok(()));
    assert_eq!(plan.small_key_of_inputs(), None);
    assert_eq!(plan.dimension_of(0), plan.dimension_of(1));
}
