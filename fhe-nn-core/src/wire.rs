//! Keys and messages as bytes: versioned, and of exactly the size that the plan says.
//!
//! ```text
//! "FHENN" | kind | version (u16) | plan's fingerprint (32) | key id (16) | payload
//! ```
//!
//! Headers and seeds are little-endian. Of bodies the most significant bytes travel, of a reply's
//! elements the most significant bits as one string, only as many as the noise leaves a meaning.
//! A payload's length follows from the plan, so no length is read
//! from outside, and reading allocates what the plan says.

mod bits;
mod key;

use fhe_nn_proof::plan::{Fingerprint, Plan};
use tfhe::core_crypto::commons::math::random::Seed;
use tfhe::core_crypto::prelude::*;

use crate::Error;
use crate::encrypted::{Ciphertexts, modulus};
use crate::keys::{EvaluationKey, KeyId, SEED, Seeded, restore};

const MAGIC: &[u8; 5] = b"FHENN";
const VERSION: u16 = 3;
const HEADER: usize = 5 + 1 + 2 + 32 + 16;

/// One encrypted input: bodies, and the seed of their masks.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) id: KeyId,
    pub(crate) values: Seeded,
}

/// One encrypted result.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) id: KeyId,
    /// Multiples of `2^-element_bits` of the torus.
    pub(crate) scores: Ciphertexts,
    pub(crate) element_bits: u32,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    EvaluationKey,
    Request,
    Reply,
}

impl Request {
    /// The request as it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Kind::Request.header(&self.fingerprint, &self.id);
        bytes.extend(self.values.seed.to_le_bytes());
        bytes.extend(&self.values.bodies);
        bytes
    }

    /// The request from bytes.
    ///
    /// # Errors
    /// [`Error::Plan`], [`Error::WrongPlan`] and [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8], plan: &Plan) -> Result<Self, Error> {
        plan.validate()?;
        let (fingerprint, length) = (plan.fingerprint(), plan.request_bytes() as usize);
        let (id, mut payload) = Kind::Request.payload(bytes, &fingerprint, SEED + length)?;
        Ok(Request {
            fingerprint,
            id,
            values: take_seeded(&mut payload, length),
        })
    }

    /// # Errors
    /// [`Error::WrongPlan`] and [`Error::WrongKey`] if the key is another one.
    pub(crate) fn belongs_to(&self, key: &EvaluationKey) -> Result<(), Error> {
        let (what, of) = ("request", "the evaluation key");
        if self.fingerprint != key.fingerprint {
            return Err(Error::WrongPlan { what, of });
        }
        if self.id != key.id {
            return Err(Error::WrongKey { what, of });
        }
        Ok(())
    }

    /// The ciphertexts with their masks. The request must have been made for the plan.
    pub(crate) fn expand(&self, plan: &Plan) -> Ciphertexts {
        let bodies = restore(&self.values.bodies, plan.input.body_bytes() as usize);
        let dimension = plan.input.dimension as usize;
        let list = SeededLweCiphertextList::from_container(
            bodies.collect::<Vec<u64>>(),
            LweDimension(dimension).to_lwe_size(),
            Seed(self.values.seed).into(),
            modulus(),
        );
        let list = list.par_decompress_into_lwe_ciphertext_list();
        Ciphertexts::new(dimension, list.into_container())
    }
}

impl Reply {
    pub(crate) fn new(key: &EvaluationKey, scores: Ciphertexts) -> Self {
        Reply {
            fingerprint: key.fingerprint,
            id: key.id,
            scores,
            element_bits: key.plan.output.element_bits,
        }
    }

    /// The reply as it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Kind::Reply.header(&self.fingerprint, &self.id);
        bytes.extend(bits::pack(self.scores.data(), self.element_bits));
        bytes
    }

    /// The reply from bytes.
    ///
    /// # Errors
    /// [`Error::Plan`], [`Error::WrongPlan`] and [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8], plan: &Plan) -> Result<Self, Error> {
        plan.validate()?;
        let (fingerprint, output) = (plan.fingerprint(), &plan.output);
        let length = plan.reply_bytes() as usize;
        let (id, payload) = Kind::Reply.payload(bytes, &fingerprint, length)?;
        let dimension = output.dimension as usize;
        let elements = output.sums.neurons as usize * (dimension + 1);
        let elements = bits::unpack(payload, elements, output.element_bits);
        Ok(Reply {
            fingerprint,
            id,
            scores: Ciphertexts::new(dimension, elements),
            element_bits: output.element_bits,
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
        let Some((header, payload)) = bytes.split_first_chunk() else {
            let length = bytes.len();
            return Err(self.malformed(format!("{length} bytes, a header has {HEADER}")));
        };
        let id = self.open(header, fingerprint)?;
        if payload.len() != expected {
            let length = payload.len();
            return Err(self.malformed(format!(
                "payload of {length} bytes, the plan says {expected}"
            )));
        }
        Ok((id, payload))
    }

    /// The key id of a header.
    fn open(self, header: &[u8; HEADER], fingerprint: &Fingerprint) -> Result<KeyId, Error> {
        let (magic, rest) = header.split_at(MAGIC.len());
        let (kind, rest) = rest.split_at(1);
        let (version, rest) = rest.split_at(2);
        let (plan, id) = rest.split_at(32);
        if magic != MAGIC || kind != [self as u8] {
            return Err(self.malformed("it does not begin as one"));
        }
        if version != VERSION.to_le_bytes() {
            let version = u16::from_le_bytes([version[0], version[1]]);
            return Err(self.malformed(format!("version {version}, this program reads {VERSION}")));
        }
        if plan != fingerprint {
            return Err(Error::WrongPlan {
                what: self.name(),
                of: "the plan at hand",
            });
        }
        Ok(id.try_into().expect("the rest of a header is a key id"))
    }

    fn malformed(self, reason: impl Into<String>) -> Error {
        Error::Malformed {
            what: self.name(),
            reason: reason.into(),
        }
    }
}

/// A seed and `length` bytes of bodies from the front of a payload of known length.
fn take_seeded(payload: &mut &[u8], length: usize) -> Seeded {
    let (seed, rest) = payload.split_at(SEED);
    let (bodies, rest) = rest.split_at(length);
    *payload = rest;
    Seeded {
        seed: u128::from_le_bytes(seed.try_into().expect("a seed has 16 bytes")),
        bodies: bodies.to_vec(),
    }
}
