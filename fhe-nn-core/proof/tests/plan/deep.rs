//! Deep chains.

use std::time::Instant;

use fhe_nn_proof::plan::{Plan, PlanOptions, Prefer};
use fhe_nn_proof::widths::Reader;

use crate::chain::{Chain, Layer};
use crate::recompute::check;

/// `cargo test --release -p fhe-nn-proof -- --nocapture deep` prints how long it takes.
#[test]
fn a_deep_chain_keeps_every_constraint_and_is_found_again() {
    let last = || Layer::alike(Reader::Client, 10, 12, 300.0);
    let layers_alike = |depth| Chain {
        inputs: 784,
        hidden: vec![Layer::alike(Reader::Padded, 64, 5, 300.0); depth],
        last: last(),
    };
    // no two layers alike
    let layer = |i: usize| {
        let reader = [Reader::Padded, Reader::Antiperiodic][i % 2];
        let width = [5, 6, 3, 4, 2, 5, 4][i % 7];
        let gain = 2f64.powi((i * 5 % 13) as i32) * 3.0;
        Layer::alike(reader, 16 + 7 * (i * 3 % 11), width, gain)
    };
    let layers_unlike = |depth| Chain {
        inputs: 784,
        hidden: (0..depth).map(layer).collect(),
        last: last(),
    };
    for depth in [0, 1, 2, 3, 5, 10, 20] {
        for (name, chain) in [
            ("alike", layers_alike(depth)),
            ("unlike", layers_unlike(depth)),
        ] {
            for prefer in [Prefer::Fastest, Prefer::SmallestKeys] {
                let options = PlanOptions::new().with_prefer(prefer);
                let requirements = chain.requirements();
                let start = Instant::now();
                let plan = Plan::find(&requirements, &options).expect("parameters exist");
                println!(
                    "{depth} layers {name}, {prefer:?}: found in {:?}",
                    start.elapsed()
                );
                check(&plan, &chain);
                assert_eq!(Plan::find(&requirements, &options), Ok(plan));
            }
        }
    }
}

/// `cargo test --release -p fhe-nn-proof -- --nocapture deep` prints how long it takes.
#[test]
fn a_deep_chain_of_wide_layers_keeps_every_constraint() {
    for depth in [2, 5, 20] {
        let layer = |i: usize| Layer {
            table: 4,
            ..Layer::alike(Reader::Padded, 64, 12 + i as u32 % 5, 300.0 + i as f64)
        };
        let chain = Chain {
            inputs: 784,
            hidden: (0..depth).map(layer).collect(),
            last: Layer::alike(Reader::Client, 10, 12, 300.0),
        };
        let start = Instant::now();
        let plan =
            Plan::find(&chain.requirements(), &PlanOptions::default()).expect("parameters exist");
        println!("{depth} wide layers: found in {:?}", start.elapsed());
        check(&plan, &chain);
    }
}

#[test]
fn layers_alike_share_their_keys() {
    let chain = Chain {
        inputs: 784,
        hidden: vec![Layer::alike(Reader::Padded, 64, 5, 300.0); 5],
        last: Layer::alike(Reader::Client, 10, 12, 300.0),
    };
    let plan =
        Plan::find(&chain.requirements(), &PlanOptions::default()).expect("parameters exist");
    // the first layer has less noisy inputs, and what the last leaves is not read by a table
    let keys = plan.new_keys();
    let new = |index: usize| keys[index].2;
    assert!(new(0).bootstrapping && new(1).bootstrapping, "{plan}");
    assert!(!new(2).bootstrapping && !new(3).bootstrapping, "{plan}");
    assert!(new(1).keyswitching && !new(2).keyswitching, "{plan}");
    assert!(
        plan.to_string()
            .contains("with a bootstrapping key from before"),
        "{plan}"
    );
}
