//! Families of networks, and searches for their best members.

use fhe_nn_core::prelude::*;
use fhe_nn_core::train::{Family, Number, Search, Trainer};

use super::Data;

#[fhe_network(input(shape = [24], bits = 1))]
struct Small {
    #[bits(weights = 2, accumulator = 4, overflow = wrap)]
    hidden: Dense<24, 4>,
    #[bits(output = 1, phases = 2)]
    wave: Wave,
    #[bits(weights = 4)]
    scores: Dense<8, 3>,
}

#[fhe_network(input(shape = [1, 8, 8], bits = 2))]
struct Convolution {
    #[bits(weights = 3, overflow = calibrated)]
    conv: Conv2d<1, 4, 3>,
    #[bits(output = 3, table = 5)]
    relu: Relu,
    pool: AvgPool2d<2>,
    #[bits(weights = 4)]
    scores: Dense<36, 3>,
}

#[test]
fn sizes_and_worst_cases_follow() {
    let family = Family::new(Convolution::SPEC)
        .vary("conv", Number::Kernel, [3, 5])
        .vary("conv", Number::Neurons, [4, 6]);
    let members = family.members().expect("fields that there are");
    let declared: Vec<String> = members
        .iter()
        .map(|member| member.declaration(&[]))
        .collect();
    assert_eq!(declared.len(), 4);
    assert_eq!(&members[0], Convolution::SPEC);
    assert!(
        declared[3].contains("conv: Conv2d<1, 6, 5>"),
        "{}",
        declared[3]
    );
    assert!(
        declared[3].contains("scores: Dense<24, 3>"),
        "{}",
        declared[3]
    );
    // an accumulator that was not promised is still not promised
    assert!(
        declared
            .iter()
            .all(|member| !member.contains("accumulator"))
    );
}

#[test]
fn what_breaks_a_law_is_left_out() {
    let family = Family::new(Small::SPEC)
        .vary("wave", Number::Phases, [1, 3, 8, 16])
        .vary("hidden", Number::Accumulator, [3, 4, 10]);
    let members = family.members().expect("fields that there are");
    // 8 phases need 4 bits, 3 are not a power of two, 16 are too many, and no table reads 10 bits
    let phases: Vec<String> = members
        .iter()
        .map(|member| member.layers[1].op.to_string())
        .collect();
    assert_eq!(members.len(), 3, "{phases:?}");
    let error = Family::new(Small::SPEC)
        .vary("wave", Number::Kernel, [3])
        .members();
    let error = error.expect_err("a wave has no kernel").to_string();
    assert_eq!(error, "`wave` of `Small` has no kernel to vary");
}

#[test]
fn the_front_is_what_nothing_beats() {
    let data = Data::new(300, 24, 3, 1);
    let examples = data.examples();
    let trainer = Trainer::new()
        .with_epochs(4)
        .with_batch(50)
        .with_rate(1e-2)
        .with_progress(false);
    let search = Search::new()
        .with_trainer(trainer)
        .with_budget(0.05)
        .with_threads(2);
    let family = Family::new(Small::SPEC)
        .vary("hidden", Number::Neurons, [2, 6, 1000])
        .vary("wave", Number::Phases, [1, 4]);
    let mut found = 0;
    let front = search
        .run(&family, &examples, &examples, |_| found += 1)
        .expect("it learns");
    // 1,000 bootstraps take longer than the budget, which may be known before training
    let slow = front
        .refused
        .iter()
        .filter(|refused| refused.error.is_none());
    assert_eq!(front.candidates.len(), 4);
    assert_eq!(front.slow.len() + slow.count(), 2);
    assert_eq!(found, 4 + front.slow.len());
    assert!(front.slow.iter().all(|slow| slow.seconds > 0.05));
    let best = front.pareto();
    assert!(!best.is_empty());
    for pair in best.windows(2) {
        assert!(pair[0].seconds <= pair[1].seconds && pair[0].accuracy < pair[1].accuracy);
    }
    for candidate in &front.candidates {
        assert!(candidate.seconds <= 0.05);
        assert!(
            best.iter().any(
                |best| best.seconds <= candidate.seconds && best.accuracy >= candidate.accuracy
            )
        );
    }
    // all points, the points of the front, and two marks of the legend
    assert_eq!(front.svg().matches("<circle").count(), 4 + best.len() + 2);
}
