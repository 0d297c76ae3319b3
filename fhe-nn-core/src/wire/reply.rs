//! Replies, each of one encrypted result.

use std::io::Read;

use fhe_nn_proof::plan::Plan;

use super::{Ciphertexts, HEADER, Header, Kind, SEED, bits, stream};
use crate::Error;

/// One encrypted result, which a server sends to a client.
///
/// ```no_run
/// # use fhe_nn_core::prelude::*;
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/majority.rs"));
/// # fn main() -> Result<(), fhe_nn_core::Error> {
/// fn answer(network: &Majority, key: &ServerKey, request: &Request) -> Result<Vec<u8>, fhe_nn_core::Error> {
///     Ok(network.run_encrypted(key, request)?.to_bytes()) // to the client
/// }
///
/// fn read(client: &ClientKey, plan: &Plan, sent: &Request, bytes: &[u8]) -> Result<Scores, fhe_nn_core::Error> {
///     client.decrypt(sent, &Reply::from_bytes(bytes, plan)?)
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub(crate) header: Header,
    /// The seed of the request that it answers.
    pub(crate) request: u128,
    /// The scores, which are multiples of `2^-element_bits` of the torus.
    pub(crate) scores: Ciphertexts,
    pub(crate) element_bits: u32,
}

impl Reply {
    /// Returns the reply as it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Kind::Reply.bytes(&self.header);
        bytes.extend(self.request.to_le_bytes());
        bytes.extend(bits::pack(self.scores.data(), self.element_bits));
        bytes
    }

    /// Returns the number of bytes behind the header.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is more than the machine can address.
    fn payload_bytes(plan: &Plan) -> Result<usize, Error> {
        Kind::Reply.length(plan.reply_bytes().saturating_add(SEED as u64))
    }

    /// Reads the next reply of a file or a connection, on which many may follow each other. The result is
    /// `None` if there are no more.
    ///
    /// # Errors
    /// Those of [`Reply::from_bytes`], and [`Error::Stream`].
    pub fn read(mut from: impl Read, plan: &Plan) -> Result<Option<Self>, Error> {
        plan.validate()?;
        let length = Self::payload_bytes(plan)?.saturating_add(HEADER);
        let message = stream::next(Kind::Reply, &mut from, length)?;
        message
            .map(|bytes| Self::from_bytes(&bytes, plan))
            .transpose()
    }

    /// Reads a reply that was made for this plan.
    ///
    /// # Errors
    /// [`Error::Plan`], [`Error::WrongPlan`], [`Error::Malformed`] and [`Error::NewerVersion`].
    pub fn from_bytes(bytes: &[u8], plan: &Plan) -> Result<Self, Error> {
        plan.validate()?;
        let output = &plan.output;
        let (header, payload) = Kind::Reply.split(bytes, plan, Self::payload_bytes(plan)?)?;
        let (request, payload) = payload
            .split_first_chunk()
            .expect("a payload's length was checked");
        let request = u128::from_le_bytes(*request);
        let dimension = output.dimension as usize;
        let elements = u64::from(output.sums.neurons) * (u64::from(output.dimension) + 1);
        let unpacked = Kind::Reply.length(elements.saturating_mul(8))?;
        let elements = bits::unpack(payload, unpacked / 8, output.element_bits);
        Ok(Reply {
            header,
            request,
            scores: Ciphertexts::new(dimension, elements),
            element_bits: output.element_bits,
        })
    }
}
