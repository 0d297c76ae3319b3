//! The evaluation key: what a server computes with.

use std::sync::{Arc, OnceLock};

use fhe_nn_proof::plan::{Bootstrap, Fingerprint, Plan};

use super::keyswitch::Keyswitch;
use super::seeded::Seeded;
use super::{KeyId, bootstrap};
use crate::encrypted::{FourierKey, KeyswitchKey};

/// All that a server ever sees: bootstrapping and keyswitching keys, which let it compute on
/// ciphertexts and decrypt none.
pub struct EvaluationKey {
    pub(crate) plan: Plan,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) id: KeyId,
    /// The key as it travels, in the order of [`parts`]; a server, who has read it, does not keep it.
    pub(crate) seeded: Option<Vec<Seeded>>,
    /// A client, who sends the key away, never expands it.
    expanded: OnceLock<Expanded>,
}

/// The keys that a server computes with.
pub(crate) struct Expanded {
    /// Of every bootstrap of the plan, in their order.
    pub(crate) bootstraps: Vec<Keys>,
    /// To the key of the scores, if they have one of their own.
    pub(crate) output: Option<KeyswitchKey>,
}

/// The expanded keys of one bootstrap. Others may have them, too.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) keyswitch: Option<Arc<KeyswitchKey>>,
    pub(crate) bootstrap: Arc<FourierKey>,
}

/// One of the keys that travel.
pub(super) enum Part<'a> {
    /// From a large key to a small one.
    Keyswitch(Keyswitch),
    /// From the last large key to that of the scores.
    Scores(Keyswitch),
    /// A bootstrapping key.
    Bootstrap(&'a Bootstrap),
}

/// The keys that travel for a plan, in order.
pub(super) fn parts(plan: &Plan) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for (from, bootstrap, is_new) in plan.new_keys() {
        if is_new.keyswitching {
            parts.extend(keyswitch(from, bootstrap).map(Part::Keyswitch));
        }
        if is_new.bootstrapping {
            parts.push(Part::Bootstrap(bootstrap));
        }
    }
    if let Some(digits) = plan.output.keyswitch {
        parts.push(Part::Scores(Keyswitch {
            from: plan.last_dimension(),
            to: plan.output.dimension,
            digits,
            body_bytes: plan.output.keyswitch_body_bytes(),
        }));
    }
    parts
}

/// The keyswitch of a bootstrap of ciphertexts of `from` dimensions.
fn keyswitch(from: u32, bootstrap: &Bootstrap) -> Option<Keyswitch> {
    bootstrap.keyswitch.map(|digits| Keyswitch {
        from,
        to: bootstrap.small_dimension,
        digits,
        body_bytes: bootstrap.keyswitch_body_bytes(),
    })
}

impl Part<'_> {
    /// Bytes of the key as it travels, without the seed.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Part::Keyswitch(keyswitch) | Part::Scores(keyswitch) => keyswitch.bytes(),
            Part::Bootstrap(bootstrap) => bootstrap.key_bytes() as usize,
        }
    }
}

impl EvaluationKey {
    /// The plan that the key was made for.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Lengths of the keys that travel for a plan, without their seeds.
    pub(crate) fn lengths(plan: &Plan) -> Vec<usize> {
        parts(plan).iter().map(Part::bytes).collect()
    }

    /// Of what travels; `seeded` has the lengths of [`EvaluationKey::lengths`].
    pub(crate) fn new(
        plan: Plan,
        fingerprint: Fingerprint,
        id: KeyId,
        seeded: Vec<Seeded>,
    ) -> Self {
        EvaluationKey {
            plan,
            fingerprint,
            id,
            seeded: Some(seeded),
            expanded: OnceLock::new(),
        }
    }

    /// Of keys that come one after the other, each of the length that is asked for: none is kept as it
    /// travels.
    ///
    /// # Errors
    /// Those of `next`.
    pub(crate) fn expand<E>(
        plan: Plan,
        fingerprint: Fingerprint,
        id: KeyId,
        next: impl FnMut(usize) -> Result<Seeded, E>,
    ) -> Result<Self, E> {
        let expanded = Expanded::new(&plan, next)?;
        Ok(EvaluationKey {
            plan,
            fingerprint,
            id,
            seeded: None,
            expanded: OnceLock::from(expanded),
        })
    }

    /// The expanded keys. The first call expands them, which takes about a second; of two that are
    /// first at once, both do.
    pub(crate) fn expanded(&self) -> &Expanded {
        // Not inside `get_or_init`: who expands in parallel may meanwhile be given another run with
        // this key by rayon, which would wait for what its own thread is about to finish.
        match self.expanded.get() {
            Some(expanded) => expanded,
            None => {
                let mut seeded = self.seeded.iter().flatten();
                let next = |_| seeded.next().cloned().ok_or(());
                let expanded = Expanded::new(&self.plan, next);
                let expanded = expanded.expect("a key that is not expanded has all its parts");
                self.expanded.get_or_init(|| expanded)
            }
        }
    }
}

impl Expanded {
    fn new<E>(plan: &Plan, mut next: impl FnMut(usize) -> Result<Seeded, E>) -> Result<Self, E> {
        let (mut keyswitches, mut bootstraps) = (Vec::new(), Vec::new());
        let mut output = None;
        for part in parts(plan) {
            let seeded = next(part.bytes())?;
            match part {
                Part::Keyswitch(keyswitch) => {
                    keyswitches.push((keyswitch, Arc::new(keyswitch.expand(&seeded))));
                }
                Part::Scores(keyswitch) => output = Some(keyswitch.expand(&seeded)),
                Part::Bootstrap(key) => {
                    bootstraps.push((key, Arc::new(bootstrap::expand(key, &seeded))));
                }
            }
        }
        let keys = |(from, key): (u32, &Bootstrap)| {
            let own = keyswitch(from, key);
            let switch = keyswitches.iter().find(|(other, _)| Some(*other) == own);
            let shares = bootstraps.iter().find(|(other, _)| other.shares_key(key));
            Keys {
                keyswitch: switch.map(|(_, key)| Arc::clone(key)),
                bootstrap: shares
                    .map(|(_, key)| Arc::clone(key))
                    .expect("every bootstrapping key of the plan is a part"),
            }
        };
        Ok(Expanded {
            bootstraps: plan.every_bootstrap().map(keys).collect(),
            output,
        })
    }
}
