//! Plans of networks that are not chains.

use fhe_nn_proof::noise::standard_deviations;
use fhe_nn_proof::plan::{Accumulators, Plan, PlanOptions, Prefer, Requirements, StageDemand};
use fhe_nn_proof::spec::Rounding;
use fhe_nn_proof::widths::Reader;

use crate::chain::{Chain, Layer};

/// Sums of this bit-width and gain, which a padded table reads.
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
        lookup: format!("{name}_act").into(),
        phases: 1,
    }
}

/// A residual block: the second stage reads the first, the fourth adds the first and the third.
fn residual(wide: Option<Rounding>) -> Requirements {
    let chain = Chain {
        inputs: 9,
        hidden: Vec::new(),
        last: Layer::alike(Reader::Client, 10, 10, 90.0),
    };
    let Requirements {
        client,
        mut output,
        model,
        ..
    } = chain.requirements();
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
    output.sums.sources = vec![4].into();
    Requirements::new(client, stages, output, model)
}

#[test]
fn values_that_are_added_come_under_one_key_and_one_step() {
    for wide in [None, Some(Rounding::Exact), Some(Rounding::Approximate)] {
        for prefer in [Prefer::Fastest, Prefer::SmallestKeys] {
            let requirements = residual(wide);
            let options = PlanOptions::new().with_prefer(prefer);
            let plan = Plan::find(&requirements, &options).expect("parameters exist");
            assert_eq!(plan.validate(), Ok(()));
            assert!(plan.serves(&requirements));
            assert_eq!(plan.dimension_of(1), plan.dimension_of(3));
            // only the first stage reads the inputs, so they may come under its small key
            let moduli: Vec<u64> = plan.moduli().collect();
            assert_eq!(moduli[1], moduli[3], "both read the first stage's values");
            for (stage, demand) in plan.stages.iter().zip(&requirements.stages) {
                assert_eq!(stage.sums.modulus, demand.accumulators.sums.modulus);
                assert!(stage.log2_failure < -options.failure_bits() + 8.0);
            }
        }
    }
}

/// The sum needs 2^6 steps and the layer beside it 2^8: a step of the sum is four steps of that layer, and
/// the noise that it sees is four times as large.
#[test]
fn a_coarser_sum_sees_the_noise_that_it_is_multiplied_by() {
    let requirements = residual(None);
    let (fine, sum) = (
        &requirements.stages[1].accumulators.sums,
        &requirements.stages[3].accumulators.sums,
    );
    assert_eq!((fine.step_width, sum.step_width, sum.width), (7, 7, 5));
    let constraint = requirements.stages[3]
        .accumulators
        .constraints()
        .next()
        .expect("one width");
    assert_eq!(constraint.gain, 2.0 * 16.0);
    let z = standard_deviations(128.0);
    assert_eq!(constraint.budget(z), (0.5f64 / 64.0 / z).powi(2));
}

/// A modulus with a guard cannot be shared unless it is a power of two, so there is room for more.
#[test]
fn approximate_rounding_shares_a_power_of_two() {
    let requirements = residual(Some(Rounding::Approximate));
    let (wide, sum) = (
        &requirements.stages[1].accumulators.sums,
        &requirements.stages[3].accumulators.sums,
    );
    assert_eq!((wide.modulus, wide.step_width), (1 << 14, 12));
    assert_eq!((sum.modulus, sum.step_width), (1 << 14, 13));
}

/// Both branches read the inputs, so that these stay beside the results of the first.
#[test]
fn inputs_that_two_branches_read_stay_under_a_large_key() {
    let mut requirements = residual(None);
    requirements.stages[1].accumulators.sums.sources = vec![0].into();
    requirements.stages[2].accumulators.sums.sources = vec![1, 2].into();
    let Requirements {
        client,
        stages,
        output,
        model,
    } = requirements;
    let requirements = Requirements::new(client, stages, output, model);
    let plan = Plan::find(&requirements, &PlanOptions::default()).expect("parameters exist");
    assert_eq!(plan.validate(), Ok(()));
    assert_eq!(plan.small_key_of_inputs(), None);
    assert_eq!(plan.dimension_of(0), plan.dimension_of(1));
}
