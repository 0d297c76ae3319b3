//! Tensors that must have one scale.
//!
//! Integers are added as they are, so the operands of `Add` and of `Concat` must mean the same by a unit.
//! The scale of a tensor is free where it comes from a padded table, an embedding or the input; it is given
//! for `Wave` and `Sign`; and it follows from another where a layer only adds up or chooses: an average of
//! n values has a scale n times as small.
//!
//! So every tensor has a root, whose scale is divided by a number; and roots that meet are one group.

use fhe_nn_proof::spec::{Op, Spec};

use super::run::undeclarable;
use crate::Error;

/// Which tensors of a network have one scale.
pub(crate) struct Groups {
    /// Of every tensor: its root, and the divisor of the root's scale.
    roots: Vec<(usize, f64)>,
    /// Of every tensor that is a root: its group.
    members: Vec<Member>,
    /// Whether a root shares its scale.
    shared: Vec<bool>,
    /// Whether 0 must stand for 0, of every tensor that is a root.
    centred: Vec<bool>,
}

/// A root, and by what the scale of its group is divided to give its own.
#[derive(Clone, Copy)]
struct Member {
    group: usize,
    divisor: f64,
}

impl Groups {
    /// # Errors
    /// [`Error::Model`] for operands that have no common scale.
    pub(crate) fn of(spec: &Spec) -> Result<Self, Error> {
        let roots = roots(spec);
        let mut members: Vec<Member> = (0..roots.len())
            .map(|group| Member {
                group,
                divisor: 1.0,
            })
            .collect();
        let mut shared = vec![false; roots.len()];
        for (index, layer) in spec.layers.iter().enumerate() {
            if !matches!(layer.op, Op::Add | Op::Concat) {
                continue;
            }
            let sources = spec.sources(index);
            let is_product = |&source: &usize| {
                let root = roots[source].0.checked_sub(1);
                root.is_some_and(|root| spec.layers[root].op == Op::Mul)
            };
            if sources.iter().any(is_product) {
                return Err(undeclarable(
                    &layer.name,
                    "a product has a scale of its own, and a table gives it another",
                ));
            }
            let (first, factor) = roots[sources[0]];
            shared[first] = true;
            for &source in &sources[1..] {
                let (root, divisor) = roots[source];
                // scale of the first / factor = scale of this / divisor
                let (a, b) = (members[first], members[root]);
                let (a_total, b_total) = (a.divisor * factor, b.divisor * divisor);
                if a.group == b.group && a_total != b_total {
                    return Err(undeclarable(&layer.name, "operands have one scale"));
                }
                for member in members.iter_mut().filter(|member| member.group == b.group) {
                    *member = Member {
                        group: a.group,
                        divisor: member.divisor * a_total / b_total,
                    };
                }
                shared[root] = true;
            }
        }
        Ok(Groups {
            centred: centred(spec, &roots),
            roots,
            members,
            shared,
        })
    }

    /// The groups of roots that share a scale, each with its divisor of the group's scale.
    pub(crate) fn shared(&self) -> Vec<Vec<(usize, f64)>> {
        let groups = (0..self.members.len()).map(|group| {
            let own = |&root: &usize| self.shared[root] && self.members[root].group == group;
            let own = (0..self.members.len()).filter(own);
            own.map(|root| (root, self.members[root].divisor)).collect()
        });
        groups
            .filter(|own: &Vec<(usize, f64)>| !own.is_empty())
            .collect()
    }

    /// Whether 0 must stand for 0 in a tensor.
    pub(crate) fn is_centred(&self, tensor: usize) -> bool {
        self.centred[self.roots[tensor].0]
    }
}

/// For every tensor, the one whose scale decides, and the divisor.
fn roots(spec: &Spec) -> Vec<(usize, f64)> {
    let mut roots = vec![(0, 1.0)];
    for (index, layer) in spec.layers.iter().enumerate() {
        let (root, divisor): (usize, f64) = roots[spec.sources(index)[0]];
        roots.push(match layer.op.divisor() {
            Some(by) => (root, divisor * by),
            None => (index + 1, 1.0),
        });
    }
    roots
}

/// Where 0 must stand for 0: what is multiplied, put one behind the other, padded in an average, or whose
/// sign is taken.
fn centred(spec: &Spec, roots: &[(usize, f64)]) -> Vec<bool> {
    let mut centred = vec![false; roots.len()];
    for (index, layer) in spec.layers.iter().enumerate() {
        if layer.op.needs_centred() {
            for source in spec.sources(index) {
                mark(spec, roots, source, &mut centred);
            }
        }
    }
    centred
}

/// Marks all roots that a tensor is a sum of.
fn mark(spec: &Spec, roots: &[(usize, f64)], tensor: usize, centred: &mut [bool]) {
    centred[roots[tensor].0] = true;
    if let Some(index) = tensor.checked_sub(1) {
        let follows = spec.layers[index].op.divisor().is_some();
        for source in spec.sources(index).into_iter().filter(|_| follows) {
            mark(spec, roots, source, centred);
        }
    }
}
