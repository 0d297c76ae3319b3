//! All secret keys of a client, and their bytes in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use fhe_nn_proof::plan::Plan;

use super::secret::Secret;
use crate::Error;

/// The secret keys that a plan asks for. They are wiped on drop.
pub(super) struct Secrets {
    /// The large keys by their dimension.
    large: BTreeMap<u32, Secret>,
    /// The small keys by their dimension.
    small: BTreeMap<u32, Secret>,
    /// The key of the scores, if it is not the last large key.
    output: Option<Secret>,
}

/// The dimensions of the keys that a plan asks for.
struct Dimensions {
    large: BTreeSet<u32>,
    small: BTreeSet<u32>,
    output: Option<u32>,
}

impl Secrets {
    /// Draws every bit of every key from the operating system.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub(super) fn generate(plan: &Plan) -> Result<Self, Error> {
        Self::make(plan, Secret::generate)
    }

    /// Returns the number of bytes of a plan's keys in a file.
    pub(super) fn packed_bytes(plan: &Plan) -> usize {
        Dimensions::of(plan).all().map(Secret::packed_bytes).sum()
    }

    /// Appends the bits of all keys: the large ones and then the small ones by ascending dimension, and the
    /// key of the scores last.
    pub(super) fn pack(&self, to: &mut Vec<u8>) {
        let all = self.large.values().chain(self.small.values());
        all.chain(&self.output).for_each(|secret| secret.pack(to));
    }

    /// Reads the bits of all keys of a plan, of which there are [`Secrets::packed_bytes`].
    pub(super) fn unpack(plan: &Plan, mut packed: &[u8]) -> Self {
        let one = |dimension| {
            let (bytes, rest) = packed.split_at(Secret::packed_bytes(dimension));
            packed = rest;
            Ok::<Secret, Infallible>(Secret::unpack(dimension, bytes))
        };
        let Ok(secrets) = Self::make(plan, one);
        secrets
    }

    /// Makes every key of a plan, in the order in which they are stored.
    fn make<E>(plan: &Plan, mut one: impl FnMut(u32) -> Result<Secret, E>) -> Result<Self, E> {
        let dimensions = Dimensions::of(plan);
        let mut all = |dimensions: BTreeSet<u32>| -> Result<BTreeMap<u32, Secret>, E> {
            let keys = dimensions.into_iter();
            keys.map(|dimension| Ok((dimension, one(dimension)?)))
                .collect()
        };
        Ok(Secrets {
            large: all(dimensions.large)?,
            small: all(dimensions.small)?,
            output: dimensions.output.map(one).transpose()?,
        })
    }

    /// Returns the large key of a dimension.
    pub(super) fn large(&self, dimension: u32) -> &Secret {
        self.large
            .get(&dimension)
            .expect("there is a large key of every dimension of the plan")
    }

    /// Returns the small key of a dimension.
    pub(super) fn small(&self, dimension: u32) -> &Secret {
        self.small
            .get(&dimension)
            .expect("there is a small key of every dimension of the plan")
    }

    /// Returns the key of the scores, if they have one of their own.
    pub(super) fn output(&self) -> Option<&Secret> {
        self.output.as_ref()
    }
}

impl Dimensions {
    fn of(plan: &Plan) -> Self {
        let under_small = plan.small_key_of_inputs().is_some();
        let bootstraps = plan.every_bootstrap();
        let scores = plan.output.keyswitch.is_some();
        Dimensions {
            large: plan.dimensions().skip(under_small.into()).collect(),
            small: bootstraps
                .map(|(_, bootstrap)| bootstrap.small_dimension)
                .collect(),
            output: scores.then_some(plan.output.dimension),
        }
    }

    /// Returns the dimension of every key, in the order in which they are stored.
    fn all(&self) -> impl Iterator<Item = u32> + '_ {
        let keys = self.large.iter().chain(&self.small);
        keys.chain(&self.output).copied()
    }
}
