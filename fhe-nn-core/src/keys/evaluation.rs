//! The evaluation key: what a server computes with.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use fhe_nn_proof::plan::{Fingerprint, Plan, Stage};

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
    /// The key as it travels, in the order of [`parts`].
    pub(crate) seeded: Vec<Seeded>,
    /// A client, who sends the key away, never expands it.
    expanded: OnceLock<Expanded>,
}

/// The keys that a server computes with.
pub(crate) struct Expanded {
    pub(crate) stages: Vec<StageKey>,
    /// To the key of the scores, if they have one of their own.
    pub(crate) output: Option<Arc<KeyswitchKey>>,
}

/// The expanded keys of one stage. Stages may share them.
pub(crate) struct StageKey {
    pub(crate) keyswitch: Option<Arc<KeyswitchKey>>,
    pub(crate) bootstrap: Arc<FourierKey>,
}

/// One of the keys that travel.
pub(super) enum Part<'a> {
    /// From the large key before stage `index` (of the last, behind all stages) to its small key (to
    /// that of the scores).
    Keyswitch { index: usize, keyswitch: Keyswitch },
    /// Of stage `index`.
    Bootstrap { index: usize, stage: &'a Stage },
}

/// The keys that travel for a plan, in order: those that no stage shares with the one before.
pub(super) fn parts(plan: &Plan) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for (index, (stage, from)) in plan.stages.iter().zip(plan.dimensions()).enumerate() {
        if let Some(digits) = stage.keyswitch
            && !plan.shares_keyswitch(index)
        {
            let keyswitch = Keyswitch {
                from,
                to: stage.small_dimension,
                digits,
                body_bytes: stage.keyswitch_body_bytes(),
            };
            parts.push(Part::Keyswitch { index, keyswitch });
        }
        if !stage.shares_key {
            parts.push(Part::Bootstrap { index, stage });
        }
    }
    if let Some(digits) = plan.output.keyswitch {
        let keyswitch = Keyswitch {
            from: plan.last_dimension(),
            to: plan.output.dimension,
            digits,
            body_bytes: plan.output.keyswitch_body_bytes(),
        };
        parts.push(Part::Keyswitch {
            index: plan.stages.len(),
            keyswitch,
        });
    }
    parts
}

impl Part<'_> {
    /// Bytes of the key as it travels, without the seed.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Part::Keyswitch { keyswitch, .. } => keyswitch.bytes(),
            Part::Bootstrap { stage, .. } => stage.bootstrap_key_bytes() as usize,
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
            seeded,
            expanded: OnceLock::new(),
        }
    }

    /// The expanded keys. The first call expands them, which takes about a second; of two that are
    /// first at once, both do.
    pub(crate) fn expanded(&self) -> &Expanded {
        // Not inside `get_or_init`: who expands in parallel may meanwhile be given another run with
        // this key by rayon, which would wait for what its own thread is about to finish.
        match self.expanded.get() {
            Some(expanded) => expanded,
            None => {
                let expanded = Expanded::new(&self.plan, &self.seeded);
                self.expanded.get_or_init(|| expanded)
            }
        }
    }
}

impl Expanded {
    fn new(plan: &Plan, seeded: &[Seeded]) -> Self {
        let (mut keyswitches, mut bootstraps) = (BTreeMap::new(), BTreeMap::new());
        for (part, seeded) in parts(plan).iter().zip(seeded) {
            match part {
                Part::Keyswitch { index, keyswitch } => {
                    keyswitches.insert(*index, Arc::new(keyswitch.expand(seeded)));
                }
                Part::Bootstrap { index, stage } => {
                    bootstraps.insert(*index, Arc::new(bootstrap::expand(stage, seeded)));
                }
            }
        }
        let output = keyswitches.remove(&plan.stages.len());
        let mut stages: Vec<StageKey> = Vec::with_capacity(plan.stages.len());
        for index in 0..plan.stages.len() {
            // what a stage has none of its own of is that of the stage before
            let before = stages.last();
            let shared = || before.map(|stage| Arc::clone(&stage.bootstrap));
            let stage = StageKey {
                keyswitch: keyswitches
                    .remove(&index)
                    .or_else(|| before.and_then(|stage| stage.keyswitch.clone())),
                bootstrap: bootstraps
                    .remove(&index)
                    .or_else(shared)
                    .expect("plans are validated: the first stage shares nothing"),
            };
            stages.push(stage);
        }
        Expanded { stages, output }
    }
}
