//! Requests, each of one encrypted input.

use std::io::Read;

use fhe_nn_proof::plan::Plan;

use super::{HEADER, Header, Kind, SEED, Seeded, stream};
use crate::Error;

/// One encrypted input, which a client sends to a server: bodies, and the seed of their masks.
///
/// ```
/// # use fhe_nn_core::prelude::*;
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/majority.rs"));
/// # fn main() -> Result<(), fhe_nn_core::Error> {
/// let majority = Majority::quantize(&floats()?, samples().view())?.network;
/// let plan = majority.plan(&PlanOptions::default())?;
/// let client = ClientKey::generate(&plan)?;
///
/// let bytes = client.encrypt(&[1.0, 0.0, 1.0])?.to_bytes(); // to the server
/// let request = Request::from_bytes(&bytes, &plan)?; // at the server
/// assert_eq!(request.to_bytes(), bytes);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) header: Header,
    pub(crate) values: Seeded,
    /// What only the client that encrypted it knows, and what does not travel.
    pub(crate) clamped: Option<usize>,
}

/// Requests are equal if their bytes are.
impl PartialEq for Request {
    fn eq(&self, other: &Self) -> bool {
        (&self.header, &self.values) == (&other.header, &other.values)
    }
}

impl Request {
    /// Returns the number of input values beyond the calibrated range, which were clamped to its ends when they were
    /// encrypted; see [`ClientSpec::clamped`](fhe_nn_proof::client::ClientSpec::clamped). `None` for a request that
    /// was read from bytes, which say nothing about it.
    pub fn clamped(&self) -> Option<usize> {
        self.clamped
    }

    /// Returns the request as it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Kind::Request.bytes(&self.header);
        self.values.write_to(&mut bytes);
        bytes
    }

    /// Returns the number of bytes of a whole request as it travels.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is more than the machine can address.
    pub fn message_bytes(plan: &Plan) -> Result<u64, Error> {
        Ok(Self::payload_bytes(plan)?.saturating_add(HEADER) as u64)
    }

    /// Returns the number of bytes behind the header.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is more than the machine can address.
    fn payload_bytes(plan: &Plan) -> Result<usize, Error> {
        Kind::Request.length(plan.request_bytes().saturating_add(SEED as u64))
    }

    /// Reads the next request of a file or a connection, on which many may follow each other. The result is
    /// `None` if there are no more.
    ///
    /// # Errors
    /// Those of [`Request::from_bytes`], and [`Error::Stream`].
    pub fn read(mut from: impl Read, plan: &Plan) -> Result<Option<Self>, Error> {
        plan.validate()?;
        let length = Self::payload_bytes(plan)?.saturating_add(HEADER);
        let message = stream::next(Kind::Request, &mut from, length)?;
        message
            .map(|bytes| Self::from_bytes(&bytes, plan))
            .transpose()
    }

    /// Reads a request that was made for this plan.
    ///
    /// # Errors
    /// [`Error::Plan`], [`Error::WrongPlan`], [`Error::Malformed`] and [`Error::NewerVersion`].
    pub fn from_bytes(bytes: &[u8], plan: &Plan) -> Result<Self, Error> {
        plan.validate()?;
        let (header, payload) = Kind::Request.split(bytes, plan, Self::payload_bytes(plan)?)?;
        Ok(Request {
            header,
            values: Seeded::read(payload),
            clamped: None,
        })
    }
}
