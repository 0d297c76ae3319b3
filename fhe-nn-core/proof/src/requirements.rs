//! What a graph requires of its parameters: from weights to bit-widths and gains.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::error::ModelError;
use crate::graph::{Graph, LinearOp, LookupOp, Node, Op, Read};
use crate::noise::{Term, gain};
use crate::plan::{Accumulators, Fingerprint, Requirements, StageDemand};
use crate::spec::Rounding;
use crate::widths::{MAX_OUTPUT_BITS, MAX_ROUNDED_BITS};

/// Number of top bits that noise must leave readable in scores if they add up values that approximate
/// rounding may have moved by a step.
const APPROXIMATE_SCORE_BITS: u32 = 8;
/// Greatest number of terms of all sums of a network, each traced back to inputs and bootstraps. They take
/// at most 2 GiB.
const MAX_TRACED: u64 = 1 << 27;

impl Graph<'_> {
    /// Bit-widths and gains of all sums: what [`Plan::find`](crate::plan::Plan::find) needs to know.
    ///
    /// # Errors
    /// [`ModelError::EncryptedWidth`] if a sum is too wide to be read from a ciphertext, and
    /// [`ModelError::TooManyTerms`] if the sums add up too many values.
    pub fn requirements(&self, model: Fingerprint) -> Result<Requirements, ModelError> {
        let mut trace = Trace::new(self.client_spec().integers());
        let forgotten = forgotten(&self.nodes);
        let mut stages = Vec::new();
        // scores are as exact as the values that they add up
        let mut exactness = Rounding::Exact;
        let name_of = |tensor: usize| {
            let node = tensor.checked_sub(1).map(|index| &self.nodes[index]);
            node.map_or("input", |node| node.name)
        };
        for (index, node) in self.nodes.iter().enumerate() {
            match &node.op {
                Op::Linear(op) => {
                    let sums = trace.sums(op, &node.sources);
                    let sums = sums.map_err(|terms| ModelError::TooManyTerms {
                        layer: node.name.to_owned(),
                        terms,
                        limit: MAX_TRACED,
                    })?;
                    let sources = trace.sources_of(&node.sources);
                    trace.push(sums, sources);
                }
                Op::Lookup(op) => {
                    let linear = name_of(node.sources[0]);
                    let (table, limit) = match op.bits {
                        None => (op.read.reader.max_width(), op.read.reader.max_width()),
                        Some(table) => (table, MAX_ROUNDED_BITS),
                    };
                    if op.rounding == Rounding::Approximate {
                        exactness = Rounding::Approximate;
                    }
                    let read = trace.accumulators(linear, &op.read, limit, node.sources[0]);
                    let accumulators = read?;
                    let accumulators = accumulators.read_by(table, op.rounding);
                    let results = trace.bootstraps(op, node.sources[0]);
                    stages.push(StageDemand {
                        accumulators,
                        lookup: node.name.to_owned().into(),
                        phases: op.phases,
                    });
                    trace.push(results, vec![op.read.stage as u32 + 1]);
                }
            }
            trace.forget(&forgotten[index]);
        }
        let last = self.nodes.len();
        let scores = trace.accumulators(name_of(last), &self.scores, MAX_OUTPUT_BITS, last)?;
        let output = match exactness {
            Rounding::Exact => scores,
            Rounding::Approximate => scores.read_by(APPROXIMATE_SCORE_BITS, exactness),
        };
        Ok(Requirements::new(self.client_spec(), stages, output, model))
    }
}

/// A fresh value, or one that a bootstrap made. Only its twins have the same noise.
#[derive(Debug, Clone, Copy)]
struct Atom {
    /// Number of the lookup that it comes from: 0 for an input, and `i + 1` for a result of stage i.
    lookup: u32,
    /// Number of the bootstrap that made it.
    bootstrap: usize,
    /// Bootstraps of one kind have the same noise.
    kind: usize,
    /// Index of the value among those of the bootstrap.
    phase: u32,
    /// Number of values that the bootstrap makes.
    phases: u32,
}

/// A value as a sum of atoms, each with a weight.
type Sum = Vec<(u32, i64)>;

/// All values of a graph as sums of atoms.
struct Trace {
    atoms: Vec<Atom>,
    /// Number of bootstraps so far, inputs among them.
    bootstraps: usize,
    /// Kinds of bootstraps by the sums that they look up.
    kinds: HashMap<u64, usize>,
    tensors: Vec<Vec<Sum>>,
    /// Number of terms of all sums so far.
    terms: u64,
    /// The stages whose values each tensor adds up, in ascending order: 0 is the input, and `i + 1`
    /// stands for the results of stage i. All operands of a sum are under one key, even those whose
    /// weights are all 0.
    sources: Vec<Vec<u32>>,
}

impl Trace {
    fn new(inputs: usize) -> Self {
        let atom = |bootstrap| Atom {
            lookup: 0,
            bootstrap,
            kind: bootstrap,
            phase: 0,
            phases: 1,
        };
        Trace {
            atoms: (0..inputs).map(atom).collect(),
            bootstraps: inputs,
            kinds: HashMap::new(),
            terms: 0,
            tensors: vec![(0..inputs).map(|atom| vec![(atom as u32, 1)]).collect()],
            sources: vec![vec![0]],
        }
    }

    fn push(&mut self, values: Vec<Sum>, sources: Vec<u32>) {
        self.tensors.push(values);
        self.sources.push(sources);
    }

    /// The stages whose values these tensors add up together.
    fn sources_of(&self, tensors: &[usize]) -> Vec<u32> {
        let mut sources: Vec<u32> = tensors
            .iter()
            .flat_map(|&tensor| self.sources[tensor].iter().copied())
            .collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// The sums of a linear operation, as sums of atoms.
    ///
    /// # Errors
    /// The number of terms of all sums so far, if it is greater than [`MAX_TRACED`].
    fn sums(&mut self, op: &LinearOp<'_>, sources: &[usize]) -> Result<Vec<Sum>, u64> {
        let (tensors, all) = (&self.tensors, &mut self.terms);
        let sum = |j: usize| {
            let mut sum: Sum = Vec::new();
            for term in op.map.terms(j) {
                let value = &tensors[sources[term.operand]][term.index];
                *all += value.len() as u64;
                if *all > MAX_TRACED {
                    return Err(*all);
                }
                sum.extend(
                    value
                        .iter()
                        .map(|&(atom, weight)| (atom, term.weight * weight)),
                );
            }
            sum.sort_unstable_by_key(|&(atom, _)| atom);
            sum.dedup_by(|other, first| {
                let same = other.0 == first.0;
                if same {
                    first.1 += other.1;
                }
                same
            });
            sum.retain(|&(_, weight)| weight != 0);
            Ok(sum)
        };
        (0..op.map.len()).map(sum).collect()
    }

    /// The sums of a tensor as they are read, which have at most `limit` bits.
    fn accumulators(
        &self,
        name: &str,
        read: &Read<'_>,
        limit: u32,
        tensor: usize,
    ) -> Result<Accumulators, ModelError> {
        let widest = read.widths.iter().copied().max().unwrap_or(0);
        if widest > limit {
            let wide = read.widths.iter().filter(|&&width| width > limit);
            let neuron = read.widths.iter().position(|&width| width == widest);
            return Err(ModelError::EncryptedWidth {
                layer: name.to_owned(),
                neuron: neuron.unwrap_or(0),
                width: widest,
                limit,
                others: wide.count() - 1,
            });
        }
        let sums = &self.tensors[tensor];
        let neurons = sums.iter().enumerate().map(|(j, sum)| {
            let term = |&(atom, weight): &(u32, i64)| {
                let atom = self.atoms[atom as usize];
                Term {
                    weight: weight as f64,
                    lookup: atom.lookup,
                    kind: atom.kind,
                    bootstrap: atom.bootstrap,
                    phase: atom.phase,
                    phases: atom.phases,
                }
            };
            let mut terms: Vec<Term> = sum.iter().map(term).collect();
            (read.width(j), read.lattice(j).step_bits, gain(&mut terms))
        });
        let terms = sums.iter().map(Vec::len).sum::<usize>() as u64;
        let terms = terms.div_ceil(sums.len().max(1) as u64);
        Ok(Accumulators::new(
            name.to_owned(),
            self.sources[tensor].clone(),
            read.reader,
            u32::try_from(terms).unwrap_or(u32::MAX),
            neurons,
        ))
    }

    /// The results of a lookup of sums, each of which is an atom.
    ///
    /// The server draws nothing at random, so equal sums give equal masks, and opposite sums give
    /// opposite ones: their bootstraps are twins and of one kind. Sums without weights have no noise
    /// to share.
    fn bootstraps(&mut self, op: &LookupOp<'_>, tensor: usize) -> Vec<Sum> {
        let (read, phases) = (&op.read, op.phases);
        let sums = core::mem::take(&mut self.tensors[tensor]);
        let first = self.bootstraps;
        self.bootstraps += sums.len();
        // ciphertexts of narrower accumulators are multiplied as in `Accumulators::constraints`
        let widest = read.widths.iter().copied().max().unwrap_or(0);
        let mut kinds = Vec::with_capacity(sums.len());
        for (j, sum) in sums.iter().enumerate() {
            let own = first + j;
            kinds.push(if sum.is_empty() {
                own
            } else {
                let key = self.key(sum, widest - read.width(j));
                *self.kinds.entry(key).or_insert(own)
            });
        }
        let mut results = Vec::with_capacity(sums.len() * phases as usize);
        for phase in 0..phases {
            for (j, &kind) in kinds.iter().enumerate() {
                results.push(vec![(self.atoms.len() as u32, 1)]);
                self.atoms.push(Atom {
                    lookup: read.stage as u32 + 1,
                    bootstrap: first + j,
                    kind,
                    phase,
                    phases,
                });
            }
        }
        self.tensors[tensor] = sums;
        results
    }

    /// A key that equal sums have in common, and opposite ones as well. Sums that share it by chance
    /// count as twins, which overstates their noise and never understates it.
    fn key(&self, sum: &Sum, shift: u32) -> u64 {
        let value = |&(atom, weight): &(u32, i64)| {
            let atom = self.atoms[atom as usize];
            ((atom.kind, atom.phase), weight << shift)
        };
        let mut values: Vec<((usize, u32), i64)> = sum.iter().map(value).collect();
        values.sort_unstable();
        let merged = values.chunk_by(|a, b| a.0 == b.0).map(|alike| {
            let weights = alike.iter().map(|&(_, weight)| weight);
            (alike[0].0, weights.fold(0, i64::wrapping_add))
        });
        let merged: Vec<_> = merged.filter(|(_, weight)| *weight != 0).collect();
        let sign = merged.first().map_or(1, |(_, weight)| weight.signum());
        let mut hasher = DefaultHasher::new();
        for (value, weight) in merged {
            (value, sign.wrapping_mul(weight)).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Drops tensors that no later node reads.
    fn forget(&mut self, tensors: &[usize]) {
        for &tensor in tensors {
            self.tensors[tensor] = Vec::new();
        }
    }
}

/// For every node, the tensors that it is the last to read.
fn forgotten(nodes: &[Node<'_>]) -> Vec<Vec<usize>> {
    let mut last = vec![None; nodes.len() + 1];
    for (index, node) in nodes.iter().enumerate() {
        for &source in &node.sources {
            last[source] = Some(index);
        }
    }
    let mut forgotten = vec![Vec::new(); nodes.len()];
    for (tensor, reader) in last.into_iter().enumerate() {
        if let Some(reader) = reader {
            forgotten[reader].push(tensor);
        }
    }
    forgotten
}

#[cfg(test)]
mod tests;
