//! Keys and messages as bytes: versioned, and of exactly the size that the plan says.
//!
//! ```text
//! "FHENN" | kind | version (u16) | plan's fingerprint (32) | key id (16) | payload
//! ```
//!
//! All numbers are little-endian. A payload's length follows from the plan, so no length is read
//! from outside, and reading allocates what the plan says.

use fhe_nn_proof::plan::{Fingerprint, Plan};
use sha2::{Digest, Sha256};
use tfhe::core_crypto::commons::math::random::Seed;
use tfhe::core_crypto::prelude::*;

use crate::Error;
use crate::encrypted::{Ciphertexts, modulus};
use crate::keys::{EvaluationKey, KeyId, Seeded, SeededStageKey, StageKey};

const MAGIC: &[u8; 5] = b"FHENN";
const VERSION: u16 = 1;
const HEADER: usize = 5 + 1 + 2 + 32 + 16;
const SEED: usize = 16;

/// One encrypted input: bodies, and the seed of their masks.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) id: KeyId,
    pub(crate) values: Seeded<SeededLweCiphertextListOwned<u64>>,
}

/// One encrypted result.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) id: KeyId,
    pub(crate) scores: Ciphertexts,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    EvaluationKey,
    Request,
    Reply,
}

impl EvaluationKey {
    /// The key as it travels: seeded, bodies only.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Kind::EvaluationKey.header(&self.fingerprint, &self.id);
        for StageKey {
            seeded:
                SeededStageKey {
                    keyswitch,
                    bootstrap,
                },
            ..
        } in &self.stages
        {
            if let Some(key) = keyswitch {
                put_seeded(&mut bytes, key.seed, key.bodies.as_ref());
            }
            put_seeded(&mut bytes, bootstrap.seed, bootstrap.bodies.as_ref());
        }
        bytes
    }

    /// The key from bytes, expanded and ready to run. Takes about a second.
    ///
    /// # Errors
    /// [`Error::Plan`], [`Error::WrongPlan`] and [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8], plan: &Plan) -> Result<Self, Error> {
        plan.validate()?;
        let fingerprint = fingerprint(plan);
        let words = plan.evaluation_key_bytes() as usize;
        let seeds = plan
            .stages
            .iter()
            .map(|stage| 1 + usize::from(stage.keyswitch.is_some()));
        let payload = words + SEED * seeds.sum::<usize>();
        let (id, mut payload) = Kind::EvaluationKey.payload(bytes, &fingerprint, payload)?;
        let mut stages = Vec::with_capacity(plan.stages.len());
        for (stage, before) in plan.stages.iter().zip(plan.dimensions()) {
            let keyswitch = stage.keyswitch.map(|digits| {
                let (seed, words) =
                    take_seeded(&mut payload, stage.keyswitch_key_bytes(before) as usize);
                let bodies = SeededLweKeyswitchKey::from_container(
                    words,
                    DecompositionBaseLog(digits.base_log as usize),
                    DecompositionLevelCount(digits.levels as usize),
                    LweDimension(stage.small_dimension as usize).to_lwe_size(),
                    Seed(seed).into(),
                    modulus(),
                );
                Seeded { seed, bodies }
            });
            let (seed, words) = take_seeded(&mut payload, stage.bootstrap_key_bytes() as usize);
            let bodies = SeededLweBootstrapKey::from_container(
                words,
                GlweDimension(stage.shape.dimension as usize).to_glwe_size(),
                PolynomialSize(stage.shape.polynomial_size as usize),
                DecompositionBaseLog(stage.digits.base_log as usize),
                DecompositionLevelCount(stage.digits.levels as usize),
                Seed(seed).into(),
                modulus(),
            );
            let bootstrap = Seeded { seed, bodies };
            stages.push(StageKey::expand(SeededStageKey {
                keyswitch,
                bootstrap,
            }));
        }
        Ok(EvaluationKey {
            plan: plan.clone(),
            fingerprint,
            id,
            stages,
        })
    }
}

impl Request {
    /// The request as it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Kind::Request.header(&self.fingerprint, &self.id);
        put_seeded(&mut bytes, self.values.seed, self.values.bodies.as_ref());
        bytes
    }

    /// The request from bytes.
    ///
    /// # Errors
    /// [`Error::Plan`], [`Error::WrongPlan`] and [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8], plan: &Plan) -> Result<Self, Error> {
        plan.validate()?;
        let (fingerprint, words) = (fingerprint(plan), plan.request_bytes() as usize);
        let (id, mut payload) = Kind::Request.payload(bytes, &fingerprint, SEED + words)?;
        let (seed, words) = take_seeded(&mut payload, words);
        let size = LweDimension(plan.input.dimension as usize).to_lwe_size();
        let bodies =
            SeededLweCiphertextList::from_container(words, size, Seed(seed).into(), modulus());
        Ok(Request {
            fingerprint,
            id,
            values: Seeded { seed, bodies },
        })
    }

    /// The ciphertexts with their masks.
    pub(crate) fn expand(&self) -> Ciphertexts {
        let dimension = self.values.bodies.lwe_size().to_lwe_dimension().0;
        let list = self
            .values
            .bodies
            .as_view()
            .par_decompress_into_lwe_ciphertext_list();
        Ciphertexts::new(dimension, list.into_container())
    }
}

impl Reply {
    /// The reply as it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Kind::Reply.header(&self.fingerprint, &self.id);
        put_words(&mut bytes, self.scores.data());
        bytes
    }

    /// The reply from bytes.
    ///
    /// # Errors
    /// [`Error::Plan`], [`Error::WrongPlan`] and [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8], plan: &Plan) -> Result<Self, Error> {
        plan.validate()?;
        let (fingerprint, words) = (fingerprint(plan), plan.reply_bytes() as usize);
        let (id, mut payload) = Kind::Reply.payload(bytes, &fingerprint, words)?;
        let words = take_words(&mut payload, words);
        let scores = Ciphertexts::new(plan.output.dimension as usize, words);
        Ok(Reply {
            fingerprint,
            id,
            scores,
        })
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::EvaluationKey => "evaluation key",
            Kind::Request => "request",
            Kind::Reply => "reply",
        }
    }

    fn header(self, fingerprint: &Fingerprint, id: &KeyId) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(self as u8);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(fingerprint);
        bytes.extend(id);
        bytes
    }

    /// The key id and the payload, which must have `expected` bytes.
    fn payload<'a>(
        self,
        bytes: &'a [u8],
        fingerprint: &Fingerprint,
        expected: usize,
    ) -> Result<(KeyId, &'a [u8]), Error> {
        let malformed = |reason| Error::Malformed {
            what: self.name(),
            reason,
        };
        let Some((header, payload)) = bytes.split_at_checked(HEADER) else {
            return Err(malformed(format!(
                "{} bytes, a header has {HEADER}",
                bytes.len()
            )));
        };
        let (magic, rest) = header.split_at(MAGIC.len());
        let (kind, rest) = rest.split_at(1);
        let (version, rest) = rest.split_at(2);
        let (plan, id) = rest.split_at(32);
        if magic != MAGIC || kind != [self as u8] {
            return Err(malformed("it does not begin as one".to_owned()));
        }
        if version != VERSION.to_le_bytes() {
            let version = u16::from_le_bytes([version[0], version[1]]);
            return Err(malformed(format!(
                "version {version}, this program reads {VERSION}"
            )));
        }
        if plan != fingerprint {
            return Err(Error::WrongPlan {
                what: self.name(),
                of: "the plan at hand",
            });
        }
        if payload.len() != expected {
            return Err(malformed(format!(
                "payload of {} bytes, the plan says {expected}",
                payload.len()
            )));
        }
        Ok((
            id.try_into().expect("the rest of a header is a key id"),
            payload,
        ))
    }
}

/// Fingerprint of a plan: what a key was made for.
pub(crate) fn fingerprint(plan: &Plan) -> Fingerprint {
    let json = serde_json::to_vec(plan).expect("a plan is numbers and strings");
    Sha256::digest(json).into()
}

fn put_seeded(bytes: &mut Vec<u8>, seed: u128, words: &[u64]) {
    bytes.extend(seed.to_le_bytes());
    put_words(bytes, words);
}

fn put_words(bytes: &mut Vec<u8>, words: &[u64]) {
    bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

/// A seed and `length` bytes of words from the front of a payload of known length.
fn take_seeded(payload: &mut &[u8], length: usize) -> (u128, Vec<u64>) {
    let (seed, rest) = payload.split_at(SEED);
    *payload = rest;
    let seed = u128::from_le_bytes(seed.try_into().expect("a seed has 16 bytes"));
    (seed, take_words(payload, length))
}

fn take_words(payload: &mut &[u8], length: usize) -> Vec<u64> {
    let (words, rest) = payload.split_at(length);
    *payload = rest;
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("a word has 8 bytes"));
    words.chunks_exact(8).map(word).collect()
}
