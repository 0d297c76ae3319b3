//! Nothing near a plan is better: every parameter, and some together, are changed a little and
//! everything is recomputed.

use fhe_nn_proof::noise::{Decomposition, Shape};
use fhe_nn_proof::plan::{Bootstrap, Plan, PlanOptions, Prefer, Version};
use fhe_nn_proof::widths::Reader;
use proptest::prelude::*;

use crate::chain::{Chain, Layer, chain};
use crate::recompute::feasible;

/// Share of its time by which the fastest plan may take longer, in all, to share keys.
const SHARING_TOLERANCE: f64 = 0.01;

/// GLWE shapes; those that no plan may have are refused by `validate`.
fn shapes() -> impl Iterator<Item = Shape> {
    (1..=6).flat_map(|dimension| {
        (8..=15).map(move |log| Shape {
            dimension,
            polynomial_size: 1 << log,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn no_neighbour_is_better(chain in chain(5, 14, 14.0), failure_bits in 30.0f64..130.0, smallest: bool) {
        let prefer = if smallest { Prefer::SmallestKeys } else { Prefer::Fastest };
        let options = PlanOptions::new().with_failure_bits(failure_bits).with_prefer(prefer);
        if let Ok(plan) = Plan::find(&chain.requirements(), &options) {
            assert_no_neighbour_is_better(&plan, &chain);
        }
    }
}

/// A stage keyswitches from the key that its own results are under, so that the next needs none of its keys anew.
#[test]
fn a_keyswitching_key_is_shared_by_the_stage_that_makes_it() {
    let chain = Chain {
        inputs: 1,
        hidden: vec![
            Layer::alike(Reader::Antiperiodic, 1, 4, 1.0),
            Layer {
                neurons: vec![(2, 0, 6279.0), (6, 0, 1.0)],
                ..Layer::alike(Reader::Padded, 2, 6, 1.0)
            },
            Layer::alike(Reader::Padded, 1, 2, 1.0),
        ],
        last: Layer::alike(Reader::Client, 1, 3, 1.0),
    };
    let options = PlanOptions::new()
        .with_failure_bits(123.258)
        .with_prefer(Prefer::SmallestKeys);
    let plan = Plan::find(&chain.requirements(), &options).expect("parameters exist");
    assert_no_neighbour_is_better(&plan, &chain);
}

fn assert_no_neighbour_is_better(plan: &Plan, chain: &Chain) {
    assert!(feasible(plan, chain));
    let mut any_is_feasible = false;
    for_each_neighbour(plan, |neighbour| {
        let better = better(neighbour, plan);
        // most are no better, which costs less to find than whether they keep every constraint
        if (better || !any_is_feasible)
            && neighbour.validate().is_ok()
            && feasible(neighbour, chain)
        {
            any_is_feasible = true;
            assert!(!better, "{neighbour}\nis better than\n{plan}");
        }
    });
    // larger keys keep every constraint
    assert!(any_is_feasible);
}

/// Whether `a` is better than `b` for certain.
fn better(a: &Plan, b: &Plan) -> bool {
    let (time_a, time_b) = (a.predicted_seconds(1), b.predicted_seconds(1));
    let less = time_a < time_b * (1.0 - 1e-9);
    if b.options.prefer() == Prefer::SmallestKeys {
        let (keys_a, keys_b) = (a.evaluation_key_bytes(), b.evaluation_key_bytes());
        return keys_a < keys_b || keys_a == keys_b && less;
    }
    // every set of keys that is shared may take its part of the time that sharing may take
    let own = |plan: &Plan| {
        let keys = plan.new_keys();
        let new = keys.iter().filter(|(.., is_new)| is_new.bootstrapping);
        new.count()
    };
    let boundaries = b.stages.len().saturating_sub(1).max(1);
    let part = time_b * SHARING_TOLERANCE / boundaries as f64;
    let more_keys = own(a).saturating_sub(own(b)) as f64;
    let less = less && time_b - time_a > more_keys * part;
    let (reply_a, reply_b) = (a.reply_bytes(), b.reply_bytes());
    less && reply_a <= reply_b || time_a <= time_b && own(a) <= own(b) && reply_a < reply_b
}

/// Shows every plan that differs in a parameter or two.
fn for_each_neighbour(plan: &Plan, mut see: impl FnMut(&Plan)) {
    let mut push = |change: &dyn Fn(&mut Plan)| {
        let mut plan = plan.clone();
        // a change may take two key bits a step, cut bodies into digits of their own, or prefer even elements
        plan.version = Version::Fourth;
        change(&mut plan);
        // without a keyswitch, the key is the one before
        if let Some(first) = plan
            .stages
            .first()
            .map(|first| first.bootstrap)
            .filter(|first| first.keyswitch.is_none())
        {
            plan.input.dimension = first.small_dimension;
        }
        if plan.output.keyswitch.is_none() {
            plan.output.dimension = plan.last_dimension();
        }
        see(&plan);
    };
    for step in [-64, -32, 32, 64] {
        push(&|plan| plan.input.dimension = add(plan.input.dimension, step));
    }
    for index in 0..plan.stages.len() {
        for change in changes(&plan.stages[index].bootstrap) {
            // with the keys of its own, and with all that have its keys
            push(&|plan| alone(plan, index, &change));
            push(&|plan| together(plan, index, &change));
        }
        if index > 0 {
            push(&|plan| share(plan, index));
        }
    }
    for keyswitch in around(plan.output.keyswitch, 31) {
        for step in -40..=40 {
            for bits in -1..=1 {
                push(&|plan| {
                    plan.output.keyswitch = keyswitch;
                    plan.output.dimension = add(plan.output.dimension, step);
                    plan.output.element_bits = add(plan.output.element_bits, bits);
                });
            }
        }
    }
}

/// Other parameters of a bootstrap.
fn changes(bootstrap: &Bootstrap) -> Vec<Bootstrap> {
    let mut all = Vec::new();
    let mut push =
        |n, shape: Shape, digits: Decomposition, body: Option<Decomposition>, keyswitch| {
            let body = body.filter(|body| body.levels < digits.levels);
            // no other shape has tables over several polynomials
            let extended = (shape.dimension, shape.polynomial_size) == (1, 2048);
            let extensions = [1, bootstrap.extension, 2, 4].into_iter();
            let extensions = extensions.filter(move |extension| extended || *extension == 1);
            let kinds = extensions.flat_map(|extension| [(extension, 1), (extension, 2)]);
            for (extension, key_bits) in kinds {
                let companions = [0, 4, 8, 16].into_iter();
                let others = extension > 1 && keyswitch == bootstrap.keyswitch;
                let own = |companion| extension > 1 && companion == bootstrap.companion;
                let companions = companions.filter(|&c| others || own(c) || c == 0);
                all.extend(companions.map(|companion| Bootstrap {
                    key_bits,
                    companion,
                    small_dimension: n,
                    shape,
                    extension,
                    digits,
                    body,
                    keyswitch,
                }));
            }
        };
    let &Bootstrap {
        small_dimension: n,
        shape,
        digits,
        body,
        keyswitch,
        ..
    } = bootstrap;
    for step in (-40..=40).filter(|step| *step != 0) {
        for keyswitch in around(keyswitch, 31) {
            push(add(n, step), shape, digits, body, keyswitch);
        }
    }
    for digits in around(Some(digits), 44).into_iter().flatten() {
        for step in [-20, -5, -1, 0, 1, 5, 20] {
            push(add(n, step), shape, digits, body, keyswitch);
            push(add(n, step), shape, digits, None, keyswitch);
        }
    }
    let bodies = around(body.or(Some(digits)), 44).into_iter().flatten();
    let larger = (15..=24).map(|base_log| Decomposition {
        base_log,
        levels: 1,
    });
    for body in bodies.chain(larger) {
        for step in [-20, -5, -1, 0, 1, 5, 20] {
            push(add(n, step), shape, digits, Some(body), keyswitch);
        }
    }
    for shape in shapes() {
        for levels in 1..=6 {
            for base_log in [44 / levels / 2, 30 / levels, 23 / levels, 11 / levels + 1] {
                let digits = Decomposition { base_log, levels };
                for body in [None, body] {
                    push(n, shape, digits, body, keyswitch);
                    push(add(n, -10), shape, digits, body, keyswitch);
                }
            }
        }
    }
    all
}

/// Digits with up to one level and two bits more or less, at most `most` bits together; and no
/// digits.
fn around(digits: Option<Decomposition>, most: u32) -> Vec<Option<Decomposition>> {
    let Some(Decomposition { base_log, levels }) = digits else {
        return vec![
            None,
            Some(Decomposition {
                base_log: 3,
                levels: 5,
            }),
        ];
    };
    let mut all = vec![None];
    for levels in levels.saturating_sub(1).max(1)..=levels + 1 {
        for base_log in base_log.saturating_sub(2).max(1)..=base_log + 2 {
            if base_log * levels <= most {
                all.push(Some(Decomposition { base_log, levels }));
            }
        }
    }
    all
}

/// Stage `index` with other parameters.
fn alone(plan: &mut Plan, index: usize, change: &Bootstrap) {
    plan.stages.to_mut()[index].bootstrap = *change;
}

/// Stage `index` and all that have its keys, with other parameters.
fn together(plan: &mut Plan, index: usize, change: &Bootstrap) {
    let before = plan.stages[index].bootstrap;
    for (stage, position) in plan.stages.to_mut().iter_mut().zip(0..) {
        let own = &mut stage.bootstrap;
        if before.shares_key(own) {
            let switched = position == index || own.keyswitch == before.keyswitch && position > 0;
            *own = Bootstrap {
                keyswitch: if switched {
                    change.keyswitch
                } else {
                    own.keyswitch
                },
                ..*change
            };
        }
    }
}

/// Stage `index` with the keys of the stage before.
fn share(plan: &mut Plan, index: usize) {
    let before = plan.stages[index - 1].bootstrap;
    let own = &mut plan.stages.to_mut()[index].bootstrap;
    *own = Bootstrap {
        keyswitch: if index > 1 {
            before.keyswitch
        } else {
            own.keyswitch
        },
        ..before
    };
}

fn add(value: u32, step: i32) -> u32 {
    value.saturating_add_signed(step)
}

#[test]
fn neighbours_are_told_apart() {
    let chain = Chain {
        inputs: 64,
        hidden: vec![Layer::alike(Reader::Padded, 8, 4, 9.0); 3],
        last: Layer::alike(Reader::Client, 4, 8, 9.0),
    };
    let plan =
        Plan::find(&chain.requirements(), &PlanOptions::default()).expect("parameters exist");
    let mut slower = plan.clone();
    slower.stages.to_mut()[0].bootstrap.small_dimension += 1;
    assert!(better(&plan, &slower) && !better(&slower, &plan));
    let mut smaller = plan.clone();
    smaller.output.element_bits -= 1;
    assert!(better(&smaller, &plan) && !feasible(&smaller, &chain));
}
