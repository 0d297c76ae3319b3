//! Evaluation keys, which a client sends to a server once.

use std::io::{self, ErrorKind, Read, Write};

use fhe_nn_proof::plan::Plan;
use sha2::{Digest, Sha256};

use super::{HEADER, Header, Kind, SEED, key_parts};
use crate::Error;

/// All that a server ever sees of a client's keys, as it travels. It holds bootstrapping and keyswitching
/// keys, which let the server compute on ciphertexts and decrypt none.
///
/// A server makes a `ServerKey` from it, or reads one from the connection without keeping the bytes.
///
/// ```no_run
/// # use fhe_nn_core::prelude::*;
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/majority.rs"));
/// # fn main() -> Result<(), fhe_nn_core::Error> {
/// let majority = Majority::quantize(&floats()?, samples().view())?.network;
/// let plan = majority.plan(&PlanOptions::default())?;
/// let key = ClientKey::generate(&plan)?.evaluation_key()?;
///
/// let mut sent = Vec::new(); // a file or a connection
/// key.write(&mut sent)?;
/// # Ok(())
/// # }
/// ```
pub struct EvaluationKey {
    pub(crate) plan: Plan,
    pub(crate) header: Header,
    /// The seed and the bodies of each part, in the order of [`key_parts`].
    pub(crate) payload: Vec<u8>,
    checksum: [u8; CHECKSUM],
}

impl EvaluationKey {
    /// Makes the key from its parts, and adds the checksum.
    #[cfg(feature = "client")]
    pub(crate) fn new(plan: Plan, header: Header, payload: Vec<u8>) -> Self {
        let mut checksum = Checksum::new(&header);
        checksum.update(&payload);
        EvaluationKey {
            plan,
            header,
            payload,
            checksum: checksum.finish(),
        }
    }

    /// Returns the plan that the key was made for.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the number of bytes of a whole key as it travels. A server knows it before it reads one.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the key has more than the machine can address.
    pub fn message_bytes(plan: &Plan) -> Result<u64, Error> {
        Ok((HEADER + Self::payload_bytes(plan)? + CHECKSUM) as u64)
    }

    /// Returns the number of bytes of the parts of a plan's key as they travel.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the key has more than the machine can address.
    pub(crate) fn payload_bytes(plan: &Plan) -> Result<usize, Error> {
        let parts = key_parts(plan).into_iter();
        let parts = parts.map(|part| part.bytes().saturating_add(SEED as u64));
        let others = (HEADER + CHECKSUM) as u64;
        let all = Kind::EvaluationKey.length(parts.fold(others, u64::saturating_add))?;
        Ok(all - (HEADER + CHECKSUM))
    }

    /// Returns the key as it travels: seeds and bodies.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + self.payload.len() + CHECKSUM);
        self.write_all(&mut bytes)
            .expect("memory takes every byte that is written to it");
        bytes
    }

    /// Writes the key as it travels to a file or a connection.
    ///
    /// # Errors
    /// [`Error::Stream`].
    pub fn write(&self, mut to: impl Write) -> Result<(), Error> {
        self.write_all(&mut to).map_err(|source| Error::Stream {
            what: Kind::EvaluationKey.name(),
            source,
        })
    }

    fn write_all(&self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(&Kind::EvaluationKey.bytes(&self.header))?;
        to.write_all(&self.payload)?;
        to.write_all(&self.checksum)
    }

    /// Reads a key from a file or a connection. It reads exactly the bytes that the plan says, so the
    /// connection may stay open and carry something else next.
    ///
    /// # Errors
    /// [`Error::Plan`], [`Error::WrongPlan`], [`Error::Malformed`] and [`Error::Stream`].
    pub fn read(mut from: impl Read, plan: &Plan) -> Result<Self, Error> {
        plan.validate()?;
        let header = read_header(&mut from, plan)?;
        Self::read_behind(header, &mut from, plan)
    }

    /// Reads a key from bytes, which must hold nothing else.
    ///
    /// # Errors
    /// [`Error::Plan`], [`Error::WrongPlan`] and [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8], plan: &Plan) -> Result<Self, Error> {
        plan.validate()?;
        // the sum is at most the bytes of the whole key, which were checked
        let expected = Self::payload_bytes(plan)? + CHECKSUM;
        let (header, mut rest) = Kind::EvaluationKey.split(bytes, plan, expected)?;
        Self::read_behind(header, &mut rest, plan)
    }

    /// Reads what stands behind the header.
    ///
    /// # Errors
    /// [`Error::Malformed`] and [`Error::Stream`].
    fn read_behind(header: Header, from: &mut impl Read, plan: &Plan) -> Result<Self, Error> {
        let mut payload = vec![0; Self::payload_bytes(plan)?];
        read_exact(from, &mut payload)?;
        let mut checksum = Checksum::new(&header);
        checksum.update(&payload);
        Ok(EvaluationKey {
            plan: plan.clone(),
            header,
            payload,
            checksum: checksum.compare(from)?,
        })
    }
}

/// Number of bytes of a checksum.
const CHECKSUM: usize = 32;

/// The SHA-256 hash of a key as it travels. With it, a byte that changed on the way or at rest is an error
/// instead of wrong scores. It does not prove where the key came from.
pub(crate) struct Checksum(Sha256);

impl Checksum {
    pub(crate) fn new(header: &Header) -> Self {
        let mut hash = Sha256::new();
        hash.update(Kind::EvaluationKey.bytes(header));
        Checksum(hash)
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self) -> [u8; CHECKSUM] {
        self.0.finalize().into()
    }

    /// Reads the checksum that was sent, and returns it if it is the same.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the two differ, and [`Error::Stream`].
    pub(crate) fn compare(self, from: &mut impl Read) -> Result<[u8; CHECKSUM], Error> {
        let mut sent = [0; CHECKSUM];
        read_exact(from, &mut sent)?;
        if sent == self.finish() {
            Ok(sent)
        } else {
            let reason = "its SHA-256 differs from the one that was sent: bytes were changed";
            Err(Kind::EvaluationKey.malformed(reason))
        }
    }
}

/// Reads the header of a key.
///
/// # Errors
/// [`Error::WrongPlan`], [`Error::Malformed`] and [`Error::Stream`].
pub(crate) fn read_header(from: &mut impl Read, plan: &Plan) -> Result<Header, Error> {
    let mut header = [0; HEADER];
    read_exact(from, &mut header)?;
    Kind::EvaluationKey.open(&header, plan)
}

/// Fills a buffer with the next bytes of a key.
///
/// # Errors
/// [`Error::Malformed`] if there are fewer, and [`Error::Stream`].
pub(crate) fn read_exact(from: &mut impl Read, bytes: &mut [u8]) -> Result<(), Error> {
    from.read_exact(bytes)
        .map_err(|source| match source.kind() {
            ErrorKind::UnexpectedEof => {
                Kind::EvaluationKey.malformed("fewer bytes than the plan says")
            }
            _ => Error::Stream {
                what: Kind::EvaluationKey.name(),
                source,
            },
        })
}
