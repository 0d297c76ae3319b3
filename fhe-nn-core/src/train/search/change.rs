//! Changes of a declaration that make an encrypted inference faster.

use fhe_nn_proof::spec::{ActivationSpec, Function, Op, Overflow, Padding, Pool, Rounding, Spec};
use fhe_nn_proof::widths::MAX_ROUNDED_BITS;

use crate::train::feasible::{follow, is_feasible};

/// A change of one layer, by its index: an activation or a pool. The layers around it follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) layer: usize,
    pub(super) kind: Kind,
}

/// What becomes of the layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A `Wave` in place of an activation, with averages in place of greatest values behind it. The sums that it reads wrap,
    /// and their weights are -1, 0 or 1; an input that they read has this many bits.
    Wave {
        output: u32,
        phases: u32,
        input: u32,
    },
    /// A `Sign` in place of an activation.
    Sign,
    /// A bit less in the results of an activation, and in what its table reads.
    Narrower,
    /// Averages in place of the greatest values.
    Average,
    /// Averages are taken in front of the activation that they read, by the convolution there: it moves in steps of a whole
    /// window, and the activation has a value for every window only.
    Fold,
}

/// Bits and phases of the waves that are tried.
const WAVES: [(u32, u32); 4] = [(1, 16), (1, 4), (3, 4), (3, 1)];
/// Bits of the inputs that are tried under a wave.
const INPUTS: [u32; 3] = [3, 2, 1];
/// The widest accumulator that wraps: wider ones need larger parameters.
const WAVE_BITS: u32 = 5;
/// The fewest bits that are left to an activation's results, and to what its table reads.
const LEAST_OUTPUT: u32 = 2;
const LEAST_TABLE: u32 = 3;

impl Change {
    /// The changes that a declaration allows, with what they make of it. `allowed` says which activations and pools may
    /// change, by the names of their fields.
    pub(super) fn all(spec: &Spec, allowed: impl Fn(&str) -> bool) -> Vec<(Change, Spec)> {
        let is_allowed = |layer: usize| allowed(&spec.layers[layer].name);
        let layers = (0..spec.layers.len()).filter(|&layer| is_allowed(layer));
        let changes = layers.flat_map(|layer| {
            let kinds = Kind::of_layer(spec, layer).into_iter();
            kinds.map(move |kind| Change { layer, kind })
        });
        let changes = changes.filter(|change| change.maxima(spec).into_iter().all(is_allowed));
        let made = changes.filter_map(|change| Some((change, change.of(spec)?)));
        made.collect()
    }

    /// The pools behind a `Wave` whose greatest values become averages.
    fn maxima(self, spec: &Spec) -> Vec<usize> {
        let Kind::Wave { .. } = self.kind else {
            return Vec::new();
        };
        let pools = behind(spec, self.layer).map_or_else(Vec::new, |behind| behind.pools);
        let is_max =
            |&pool: &usize| matches!(&spec.layers[pool].op, Op::Pool(own) if own.kind == Pool::Max);
        pools.into_iter().filter(is_max).collect()
    }

    /// What the change makes of a declaration; `None` if it is not possible there.
    fn of(self, spec: &Spec) -> Option<Spec> {
        let layer = self.layer;
        let behind = behind(spec, layer)?;
        let mut next = spec.clone();
        let op = &mut next.layers.to_mut()[layer].op;
        match (self.kind, op) {
            (
                Kind::Wave {
                    output,
                    phases,
                    input,
                },
                op,
            ) => {
                *op = Op::Activation(ActivationSpec {
                    function: Function::Wave,
                    output,
                    table: None,
                    rounding: Rounding::Exact,
                    phases,
                });
                next.input.bits = input;
                return waved(next, spec, (before(spec, layer)?, behind));
            }
            (Kind::Sign, Op::Activation(act)) => {
                before(spec, layer)?;
                (act.function, act.output, act.rounding) = (Function::Sign, 1, Rounding::Exact);
            }
            (Kind::Narrower, Op::Activation(act)) => {
                let table = act.table?;
                if act.output <= LEAST_OUTPUT || table <= LEAST_TABLE {
                    return None;
                }
                (act.output, act.table) = (act.output - 1, Some(table - 1));
            }
            (Kind::Average, Op::Pool(pool)) => pool.kind = Pool::Average,
            (Kind::Fold, Op::Pool(_)) => return folded(spec, layer),
            (Kind::Sign | Kind::Narrower | Kind::Average | Kind::Fold, _) => return None,
        }
        lawful(next, spec)
    }
}

impl Kind {
    /// The changes that a layer may have; none if it is not an activation or a pool, or if it is a `Wave` or `Sign` already.
    pub(super) fn of_layer(spec: &Spec, layer: usize) -> Vec<Kind> {
        match &spec.layers[layer].op {
            Op::Activation(act) if !act.function.is_antiperiodic() => {
                let bits = spec.input.bits;
                let reads_input = before(spec, layer).is_some_and(|before| {
                    spec.sources(before)[0] == 0 && spec.input.tokens.is_none()
                });
                let fewer = INPUTS
                    .into_iter()
                    .filter(|&input| reads_input && input < bits);
                let inputs: Vec<u32> = std::iter::once(bits).chain(fewer).collect();
                let waves = WAVES.into_iter().flat_map(|(output, phases)| {
                    inputs.iter().map(move |&input| Kind::Wave {
                        output,
                        phases,
                        input,
                    })
                });
                waves.chain([Kind::Sign, Kind::Narrower]).collect()
            }
            Op::Pool(pool) => match pool.kind {
                Pool::Max => vec![Kind::Average],
                Pool::Average => vec![Kind::Fold],
            },
            Op::Activation(_)
            | Op::Dense(_)
            | Op::Conv(_)
            | Op::Embedding(_)
            | Op::Add
            | Op::Mul
            | Op::Concat
            | Op::Flatten => Vec::new(),
        }
    }
}

/// The layer with weights whose sums an activation reads, and nothing else does.
pub(super) fn before(spec: &Spec, layer: usize) -> Option<usize> {
    let before = spec.sources(layer)[0].checked_sub(1)?;
    spec.layers[before].op.linear()?;
    (spec.readers(before + 1).count() == 1).then_some(before)
}

/// The layer with weights that reads the values of another one.
pub(super) struct Behind {
    pub(super) linear: usize,
    /// The pools between the two.
    pools: Vec<usize>,
}

/// The layer with weights that alone reads the values of another one, perhaps pooled or in a row. It reads all channels: a
/// convolution in groups is not one.
pub(super) fn behind(spec: &Spec, layer: usize) -> Option<Behind> {
    let (mut tensor, mut pools) = (layer + 1, Vec::new());
    loop {
        let mut readers = spec.readers(tensor);
        let reader = readers.next()?;
        if readers.next().is_some() || spec.sources(reader).len() > 1 {
            return None;
        }
        match &spec.layers[reader].op {
            Op::Conv(conv) if conv.window.groups > 1 => return None,
            Op::Dense(_) | Op::Conv(_) => {
                return Some(Behind {
                    linear: reader,
                    pools,
                });
            }
            Op::Pool(_) => pools.push(reader),
            Op::Flatten => {}
            Op::Activation(_) | Op::Embedding(_) | Op::Add | Op::Mul | Op::Concat => return None,
        }
        tensor = reader + 1;
    }
}

/// The layers around a new `Wave`, with the widest accumulators that wrap there: ternary weights before it, and averages behind.
fn waved(mut next: Spec, spec: &Spec, (linear, behind): (usize, Behind)) -> Option<Spec> {
    let layers = next.layers.to_mut();
    for pool in behind.pools {
        if let Op::Pool(pool) = &mut layers[pool].op {
            pool.kind = Pool::Average;
        }
    }
    *layers[behind.linear].op.held_mut()?.1 = calibrated(spec, behind.linear);
    *layers[linear].op.weights_mut()? = 2;
    let mut widths = (2..=WAVE_BITS).rev().map(|width| {
        let mut next = next.clone();
        let held = next.layers.to_mut()[linear].op.held_mut()?;
        (*held.0, *held.1) = (width, Overflow::Wrap);
        lawful(next, spec)
    });
    widths.find_map(|made| made)
}

/// How accumulators are held to their width: as seen over samples, unless they wrap.
fn calibrated(spec: &Spec, linear: usize) -> Overflow {
    match spec.layers[linear].op.linear().map(|own| own.overflow) {
        Some(Overflow::Wrap) => Overflow::Wrap,
        Some(Overflow::Checked | Overflow::Calibrated) | None => Overflow::Calibrated,
    }
}

/// A declaration without the pool at `layer`, whose averages the convolution in front of its activation takes.
fn folded(spec: &Spec, layer: usize) -> Option<Spec> {
    let activation = spec.sources(layer)[0].checked_sub(1)?;
    let linear = before(spec, activation)?;
    let (Op::Pool(pool), Op::Activation(_), Op::Conv(conv)) = (
        &spec.layers[layer].op,
        &spec.layers[activation].op,
        &spec.layers[linear].op,
    ) else {
        return None;
    };
    let (inner, outer) = (conv.window, pool.window);
    if outer.padding != [Padding::NONE; 2]
        || outer.dilation != [1, 1]
        || inner.dilation != [1, 1]
        || spec.readers(activation + 1).count() > 1
    {
        return None;
    }
    let mut conv = conv.clone();
    for axis in 0..2 {
        conv.window.kernel[axis] =
            inner.kernel[axis] + inner.stride[axis] * (outer.kernel[axis] - 1);
        conv.window.stride[axis] = inner.stride[axis] * outer.stride[axis];
    }
    if conv.overflow != Overflow::Wrap {
        let facts = spec.flow().ok()?;
        let worst = Op::Conv(conv.clone()).linear()?;
        let worst = worst.worst_case(facts[spec.sources(linear)[0]].range)?;
        (conv.accumulator, conv.overflow) = (worst.min(MAX_ROUNDED_BITS), Overflow::Calibrated);
    }
    let mut next = spec.clone();
    let layers = next.layers.to_mut();
    layers[linear].op = Op::Conv(conv);
    layers.remove(layer);
    for (index, own) in layers.iter_mut().enumerate().skip(layer) {
        let sources = spec.sources(index + 1).into_iter();
        let sources = sources.map(|tensor| match tensor {
            tensor if tensor == layer + 1 => activation + 1,
            tensor if tensor > layer + 1 => tensor - 1,
            tensor => tensor,
        });
        let sources: Vec<usize> = sources.collect();
        own.sources = match *sources {
            [source] if source == index => Vec::new().into(),
            _ => sources.into(),
        };
    }
    lawful(next.clone(), &next)
}

/// A changed declaration with all sizes that follow, if the macro would accept it.
fn lawful(next: Spec, origin: &Spec) -> Option<Spec> {
    let next = follow(next, origin)?;
    (is_feasible(&next) && next.check_numbers().is_ok()).then_some(next)
}
