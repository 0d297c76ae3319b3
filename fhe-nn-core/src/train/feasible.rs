//! The members of a family that can exist: adapts what follows from the changed numbers, and checks whether
//! the macro would accept the result.

use fhe_nn_proof::spec::{Op, Overflow, Spec};
use fhe_nn_proof::widths::{MAX_ACCUMULATOR_BITS, MAX_OUTPUT_BITS};

/// Adapts sizes and worst cases to the changed numbers. The result is `None` if a layer cannot read its
/// operands.
pub(super) fn follow(mut spec: Spec, origin: &Spec) -> Option<Spec> {
    if !(1..=16).contains(&spec.input.bits) {
        return None;
    }
    let before = origin.flow().ok()?;
    let mut facts = vec![spec.input.tensor()];
    for index in 0..spec.layers.len() {
        let sources = spec.sources(index);
        let first = facts[sources[0]].clone();
        let was_worst = |op: &Op| {
            let linear = op.linear()?;
            Some(linear.worst_case(before[sources[0]].range)? == linear.accumulator)
        };
        let own = &origin.layers[index].op;
        let follows = was_worst(own) == Some(true)
            && own.accumulator() == spec.layers[index].op.accumulator();
        let layer = &mut spec.layers.to_mut()[index];
        match &mut layer.op {
            Op::Dense(dense) => dense.inputs = first.len(),
            Op::Conv(conv) => {
                conv.window.channels = first.shape[0];
                conv.window.input = area(&first.shape);
                conv.window.check().ok()?;
            }
            Op::Pool(pool) => {
                let is_global = pool.window.kernel == pool.window.input;
                (pool.window.channels, pool.window.outputs) = (first.shape[0], first.shape[0]);
                pool.window.groups = first.shape[0];
                pool.window.input = area(&first.shape);
                if is_global {
                    pool.window.kernel = pool.window.input;
                }
                pool.window.check().ok()?;
            }
            // the sizes of other layers do not depend on their operands
            _ => {}
        }
        if !layer.op.has_lawful_numbers() {
            return None;
        }
        if follows {
            let worst = layer.op.linear()?.worst_case(first.range)?;
            if !ACCUMULATORS.contains(&worst) {
                return None;
            }
            *layer.op.held_mut()?.0 = worst;
        }
        let operands: Vec<_> = sources.iter().map(|&source| &facts[source]).collect();
        let fact = layer.op.result(&operands).ok()?;
        facts.push(fact);
    }
    spec.flow().ok()?;
    Some(spec)
}

/// The values that `accumulator` may have.
const ACCUMULATORS: std::ops::RangeInclusive<u32> = 2..=MAX_ACCUMULATOR_BITS;

/// Height and width of `[channels, height, width]` or `[channels, length]`.
fn area(shape: &[usize]) -> [usize; 2] {
    match shape {
        [_, down, across] => [*down, *across],
        [_, across] => [1, *across],
        _ => [1, 1],
    }
}

/// Whether the macro would accept the widths.
pub(super) fn is_feasible(spec: &Spec) -> bool {
    let Ok(facts) = spec.flow() else {
        return false;
    };
    let mut layers = spec.layers.iter().enumerate();
    layers.all(|(index, layer)| match &layer.op {
        Op::Dense(_) | Op::Conv(_) => {
            let Some(linear) = layer.op.linear() else {
                return false;
            };
            let input = facts[spec.sources(index)[0]].range;
            let most = match spec.reader(index) {
                None => MAX_OUTPUT_BITS,
                Some(act) if act.table.is_none() => act.function.reader().max_width(),
                Some(_) => MAX_ACCUMULATOR_BITS,
            };
            let wraps = linear.overflow == Overflow::Wrap;
            (2..=most).contains(&linear.accumulator)
                && (!wraps
                    || linear
                        .worst_case(input)
                        .is_some_and(|worst| linear.accumulator < worst))
        }
        Op::Activation(act) => {
            let antiperiodic = act.function.is_antiperiodic();
            let most = act.function.reader().max_width();
            let before = spec.sources(index)[0].checked_sub(1);
            let width = before
                .and_then(|before| spec.layers[before].op.linear())
                .map_or(most, |linear| linear.accumulator);
            let table = act.table_bits(width);
            (1..=most).contains(&table)
                && act.phases.is_power_of_two()
                && (act.phases == 1 || (antiperiodic && act.phases <= 1 << (table - 1)))
        }
        _ => true,
    })
}
