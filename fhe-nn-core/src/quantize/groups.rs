//! Tensors that must have one scale.
//!
//! Integers are added as they are, so one unit must mean the same in all operands of `Add` and of
//! `Concat`. The scale of a tensor is free if the tensor comes from a padded table, an embedding or the
//! input. It is given for `Wave` and `Sign`. It follows from another scale if a layer only adds up or
//! chooses values: an average of n values has a scale n times smaller.
//!
//! So every tensor has a root, and its scale is the root's divided by a number. Roots that meet form a
//! group.

use fhe_nn_proof::spec::{Op, Spec};

use super::run::undeclarable;
use crate::Error;

/// The tensors of a network that must share a scale.
pub(crate) struct Groups {
    /// For every tensor, its root, and the divisor of the root's scale.
    roots: Vec<(usize, f64)>,
    /// For every tensor that is a root, its group.
    members: Vec<Member>,
    /// Whether a root shares its scale.
    shared: Vec<bool>,
    /// For every tensor that is a root, whether 0 must stand for 0.
    centred: Vec<bool>,
}

/// A root as a member of its group. The root's scale is the scale of the group divided by `divisor`.
#[derive(Clone, Copy)]
struct Member {
    group: usize,
    divisor: f64,
}

impl Groups {
    /// # Errors
    /// [`Error::Model`] for operands that do not have a common scale.
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

/// For every tensor, the tensor that determines its scale, and the divisor.
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

/// Where 0 must stand for 0: in tensors that are multiplied, concatenated, padded in an average, or read
/// by a sign.
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
