//! The server's key, which is an evaluation key expanded to what a server computes with.

use std::io::Read;
use std::sync::Arc;

use fhe_nn_proof::plan::{Bootstrap, Plan};
use rayon::prelude::*;

use super::expand;
use super::fourier::FourierKey;
use super::keyswitch::KeyswitchKey;
use super::slow::warn_if_unoptimized;
use crate::Error;
use crate::masks::Stream;
use crate::watch::Watch;
use crate::wire::{
    Checksum, Ciphertexts, EvaluationKey, Header, KeyPart, Keyswitch, Kind, Reply, Request, SEED,
    key_parts, keyswitch_of, read_exact, read_header, restore,
};

/// An expanded evaluation key, ready to run. It is several times as large as the key that travels
/// ([`Plan::evaluation_memory_bytes`]), and a server makes it once for each client.
///
/// A server computes with it and decrypts nothing: neither this type nor anything else in a build with
/// the feature `engine` alone has a function that decrypts.
///
/// ```no_run
/// # use fhe_nn_core::prelude::*;
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/majority.rs"));
/// # fn main() -> Result<(), fhe_nn_core::Error> {
/// let majority = Majority::quantize(&floats()?, samples().view())?.network;
/// let plan = majority.plan(&PlanOptions::default())?;
///
/// let key = ClientKey::generate(&plan)?.evaluation_key()?;
///
/// let mut sent = Vec::new(); // a file or a connection: exactly what the plan says is read
/// key.write(&mut sent)?;
/// let server = ServerKey::read(sent.as_slice(), &plan)?;
/// # Ok(())
/// # }
/// ```
pub struct ServerKey {
    pub(crate) plan: Plan,
    pub(crate) header: Header,
    /// The keys of every bootstrap of the plan, in their order.
    pub(super) bootstraps: Vec<Keys>,
    /// The keyswitching key to the key of the scores, if they have one of their own.
    pub(super) output: Option<KeyswitchKey>,
}

/// The expanded keys of one bootstrap. Other bootstraps may share them.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) keyswitch: Option<Arc<KeyswitchKey>>,
    pub(super) bootstrap: Arc<FourierKey>,
}

impl ServerKey {
    /// Expands an evaluation key. This takes about a second, with the work spread over all cores.
    pub fn new(key: &EvaluationKey) -> Self {
        Self::new_watched(key, Watch::new()).expect("nothing cancels it")
    }

    /// Expands an evaluation key, with progress in bytes and cancellation.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn new_watched(key: &EvaluationKey, watch: Watch<'_>) -> Result<Self, Error> {
        let count = watch.count(key.payload.len());
        let mut left = key.payload.as_slice();
        Self::expand(key.plan.clone(), key.header, |to| {
            count.check()?;
            let (next, rest) = left.split_at(to.len());
            to.copy_from_slice(next);
            left = rest;
            count.done(to.len());
            Ok(())
        })
    }

    /// Reads an evaluation key from a file or a connection and expands it as it comes, so that the bytes
    /// are never in memory beside the expanded key. It reads exactly the bytes that the plan says, so the
    /// connection may stay open and carry something else next.
    ///
    /// # Errors
    /// [`Error::Plan`], [`Error::WrongPlan`], [`Error::Malformed`], [`Error::NewerVersion`] and
    /// [`Error::Stream`].
    pub fn read(from: impl Read, plan: &Plan) -> Result<Self, Error> {
        Self::read_watched(from, plan, Watch::new())
    }

    /// Reads and expands an evaluation key, with progress in bytes and cancellation.
    ///
    /// # Errors
    /// Those of [`ServerKey::read`], and [`Error::Cancelled`].
    pub fn read_watched(mut from: impl Read, plan: &Plan, watch: Watch<'_>) -> Result<Self, Error> {
        plan.validate()?;
        Kind::EvaluationKey.length(plan.evaluation_memory_bytes())?;
        let count = watch.count(EvaluationKey::payload_bytes(plan)?);
        let header = read_header(&mut from, plan)?;
        let mut checksum = Checksum::new(&header);
        let key = Self::expand(plan.clone(), header, |to| {
            count.check()?;
            read_exact(&mut from, to)?;
            checksum.update(to);
            count.done(to.len());
            Ok(())
        })?;
        checksum.compare(&mut from)?;
        Ok(key)
    }

    /// Returns the plan that the key was made for.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Checks that a request was made for this key, and that its ciphertexts can be in memory.
    ///
    /// # Errors
    /// [`Error::WrongPlan`] and [`Error::WrongKey`] if it was not; [`Error::Malformed`] if they cannot.
    pub(crate) fn accepts(&self, request: &Request) -> Result<(), Error> {
        let (what, of) = ("request", "the evaluation key");
        request.header.matches(&self.header, what, of)?;
        let row = 8 * (u64::from(self.plan.input.dimension) + 1);
        let rows = self.plan.client.integers() as u64;
        Kind::Request.length(rows.saturating_mul(row)).map(drop)
    }

    /// Returns the ciphertexts of a request that this key accepts, with their masks.
    pub(crate) fn expand_request(&self, request: &Request) -> Ciphertexts {
        let input = &self.plan.input;
        let (bytes, dimension) = (input.body_bytes() as usize, input.dimension as usize);
        let bodies = request.values.bodies.par_chunks_exact(bytes);
        let stream = Stream::new(request.values.seed);
        let mut elements = vec![0; bodies.len() * (dimension + 1)];
        let each = elements.par_chunks_exact_mut(dimension + 1).zip(bodies);
        each.enumerate().for_each(|(number, (ciphertext, body))| {
            stream.fill(number * dimension, &mut ciphertext[..dimension]);
            ciphertext[dimension] = restore(body, bytes).next().unwrap_or(0);
        });
        Ciphertexts::new(dimension, elements)
    }

    /// Makes the reply to a request.
    pub(crate) fn reply(&self, request: &Request, scores: Ciphertexts) -> Reply {
        Reply {
            header: self.header,
            request: request.values.seed,
            scores,
            element_bits: self.plan.output.element_bits,
        }
    }

    /// Expands the parts of a key. For each part, `read` fills in its seed and then its bodies.
    ///
    /// # Errors
    /// Those of `read`.
    fn expand(
        plan: Plan,
        header: Header,
        mut read: impl FnMut(&mut [u8]) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        warn_if_unoptimized();
        let mut keyswitches: Vec<(Keyswitch, Arc<KeyswitchKey>)> = Vec::new();
        let mut bootstraps: Vec<(&Bootstrap, Arc<FourierKey>)> = Vec::new();
        let mut output = None;
        for part in key_parts(&plan) {
            let mut seed = [0; SEED];
            read(&mut seed)?;
            let seed = u128::from_le_bytes(seed);
            match part {
                KeyPart::Keyswitch(keyswitch) => {
                    let key = expand::keyswitch(&keyswitch, seed, &mut read)?;
                    keyswitches.push((keyswitch, Arc::new(key)));
                }
                KeyPart::Scores(keyswitch) => {
                    output = Some(expand::keyswitch(&keyswitch, seed, &mut read)?);
                }
                KeyPart::Bootstrap(key) => {
                    let expanded = expand::bootstrap(key, seed, &mut read)?;
                    bootstraps.push((key, Arc::new(expanded)));
                }
            }
        }
        let keys = |(from, key): (u32, &Bootstrap)| {
            let own = keyswitch_of(from, key);
            let switch = keyswitches.iter().find(|(other, _)| Some(*other) == own);
            let shares = bootstraps.iter().find(|(other, _)| other.shares_key(key));
            Keys {
                keyswitch: switch.map(|(_, key)| Arc::clone(key)),
                bootstrap: shares
                    .map(|(_, key)| Arc::clone(key))
                    .expect("every bootstrapping key of the plan is a part"),
            }
        };
        let bootstraps = plan.every_bootstrap().map(keys).collect();
        Ok(ServerKey {
            plan,
            header,
            bootstraps,
            output,
        })
    }
}
