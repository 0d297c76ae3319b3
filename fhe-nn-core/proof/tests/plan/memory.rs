//! Plans within a limit of a server's memory.

use fhe_nn_proof::plan::{Plan, PlanError, PlanOptions, Prefer, Version};
use fhe_nn_proof::widths::Reader;

use crate::chain::{Chain, Layer};
use crate::recompute::check;

/// Wide tables behind one another, and accumulators whose low bits are removed: many keys, and large ones.
fn wide() -> Chain {
    let wider = Layer {
        table: 5,
        ..Layer::alike(Reader::Padded, 60, 8, 500.0)
    };
    Chain {
        inputs: 100,
        hidden: vec![
            wider,
            Layer::alike(Reader::Padded, 60, 6, 100.0),
            Layer::alike(Reader::Padded, 20, 3, 40.0),
        ],
        last: Layer::alike(Reader::Client, 10, 8, 100.0),
    }
}

#[test]
fn a_limit_is_kept_and_costs_no_more_time_than_it_must() {
    let (chain, options) = (wide(), PlanOptions::new());
    let find = |options: &PlanOptions| Plan::find(&chain.requirements(), options);
    for prefer in [Prefer::Fastest, Prefer::SmallestKeys] {
        let options = options.with_prefer(prefer);
        let free = find(&options).expect("parameters exist");
        let memory = free.evaluation_memory_bytes();
        // one that is no limit changes nothing but what was asked for
        let mut within = find(&options.with_memory_limit(memory)).expect("it fits");
        assert_eq!(within.options.memory_limit(), Some(memory));
        assert_eq!(within.version, Version::Fourth);
        (within.options, within.version) = (free.options, free.version);
        assert_eq!(within, free);
        let (mut last, mut met) = (free, 0);
        for share in [0.95, 0.85, 0.75] {
            let limit = (share * memory as f64) as u64;
            let plan = match find(&options.with_memory_limit(limit)) {
                Ok(plan) => plan,
                // the smallest keys leave little room for smaller ones
                Err(PlanError::Memory { least, .. }) if prefer == Prefer::SmallestKeys => {
                    assert!(least > limit && least <= memory);
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            assert!(plan.evaluation_memory_bytes() <= limit, "{plan}");
            check(&plan, &chain);
            assert_eq!(plan.validate(), Ok(()));
            // less memory takes no less of what the search saves
            let saved = |plan: &Plan| match prefer {
                Prefer::Fastest => plan.predicted_seconds(1),
                Prefer::SmallestKeys => plan.evaluation_key_bytes() as f64,
            };
            assert!(saved(&plan) >= 0.99 * saved(&last), "{plan}");
            // a tenth less memory is worth no more than a few tenths of the time
            assert!(saved(&plan) <= 1.5 * saved(&last), "{plan}");
            (last, met) = (plan, met + 1);
        }
        assert!(met > 0, "{prefer:?}");
    }
}

/// The help of the error works when it is pasted.
#[test]
fn too_little_memory_is_refused_with_what_suffices() {
    let chain = wide();
    let find = |limit| {
        let options = PlanOptions::new().with_memory_limit(limit);
        Plan::find(&chain.requirements(), &options)
    };
    let error = find(1_000_000).expect_err("no key is as small");
    let PlanError::Memory { limit, least } = error else {
        panic!("{error}");
    };
    assert_eq!(limit, 1_000_000);
    assert!(
        error
            .to_string()
            .contains(&format!("with_memory_limit({least})"))
    );
    let plan = find(least).expect("it was found before");
    assert!(plan.evaluation_memory_bytes() <= least);
}
