//! The evaluation key: what a server computes with.

use std::io::Read;
use std::sync::{Arc, OnceLock};

use fhe_nn_proof::plan::{Bootstrap, Fingerprint, Plan};

use super::keyswitch::Keyswitch;
use super::seeded::{SEED, Seeded};
use super::{KeyId, bootstrap};
use crate::encrypted::{FourierKey, KeyswitchKey};

/// All that a server ever sees: bootstrapping and keyswitching keys, which let it compute on
/// ciphertexts and decrypt none.
pub struct EvaluationKey {
    pub(crate) plan: Plan,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) id: KeyId,
    /// The key as it travels, in the order of [`parts`], for each its seed and its bodies; a server, who
    /// has read it, does not keep it.
    pub(crate) payload: Option<Vec<u8>>,
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

    /// Bytes of the payload of a plan's key.
    pub(crate) fn payload_bytes(plan: &Plan) -> usize {
        parts(plan).iter().map(|part| SEED + part.bytes()).sum()
    }

    /// Of what travels.
    pub(super) fn new(
        plan: Plan,
        fingerprint: Fingerprint,
        id: KeyId,
        keys: impl IntoIterator<Item = Seeded>,
    ) -> Self {
        let mut payload = Vec::with_capacity(EvaluationKey::payload_bytes(&plan));
        for Seeded { seed, bodies } in keys {
            payload.extend(seed.to_le_bytes());
            payload.extend(bodies);
        }
        EvaluationKey {
            plan,
            fingerprint,
            id,
            payload: Some(payload),
            expanded: OnceLock::new(),
        }
    }

    /// Of what travelled, which `read` fills in piece by piece: for each key its seed, then its bodies.
    /// None of it is kept.
    ///
    /// # Errors
    /// Those of `read`.
    pub(crate) fn expand<E>(
        plan: Plan,
        fingerprint: Fingerprint,
        id: KeyId,
        read: impl FnMut(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let expanded = Expanded::new(&plan, read)?;
        Ok(EvaluationKey {
            plan,
            fingerprint,
            id,
            payload: None,
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
                let mut payload = self.payload.as_deref().unwrap_or_default();
                let expanded = Expanded::new(&self.plan, |to| payload.read_exact(to));
                let expanded = expanded.expect("a key that is not expanded has all its parts");
                self.expanded.get_or_init(|| expanded)
            }
        }
    }
}

impl Expanded {
    /// Of what `read` fills in, see [`EvaluationKey::expand`].
    fn new<E>(plan: &Plan, mut read: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let (mut keyswitches, mut bootstraps) = (Vec::new(), Vec::new());
        let mut output = None;
        for part in parts(plan) {
            let mut seed = [0; SEED];
            read(&mut seed)?;
            let seed = u128::from_le_bytes(seed);
            match part {
                Part::Keyswitch(keyswitch) => {
                    let key = keyswitch.expand(seed, &mut read)?;
                    keyswitches.push((keyswitch, Arc::new(key)));
                }
                Part::Scores(keyswitch) => output = Some(keyswitch.expand(seed, &mut read)?),
                Part::Bootstrap(key) => {
                    let expanded = bootstrap::expand(key, seed, &mut read)?;
                    bootstraps.push((key, Arc::new(expanded)));
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
