//! The header of every message, which says what it is and what it belongs to.

use fhe_nn_proof::plan::{Fingerprint, Plan};

use crate::Error;

const MAGIC: &[u8; 5] = b"FHENN";
const VERSION: u16 = 4;
/// Number of bytes of a header.
pub(crate) const HEADER: usize = 5 + 1 + 2 + 32 + 16;

/// A random number that tells keys apart. It is the same in a client key, its evaluation key and everything
/// encrypted under it. It is public, so a client's requests can be linked.
pub(crate) type KeyId = [u8; 16];

/// The plan and the key that a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Header {
    /// The plan's fingerprint.
    pub(crate) fingerprint: Fingerprint,
    pub(crate) id: KeyId,
}

/// The kinds of messages.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    EvaluationKey,
    Request,
    Reply,
}

impl Header {
    /// # Errors
    /// [`Error::WrongPlan`] and [`Error::WrongKey`] if the other header is of another plan or key.
    pub(crate) fn matches(
        &self,
        other: &Header,
        what: &'static str,
        of: &'static str,
    ) -> Result<(), Error> {
        if self.fingerprint != other.fingerprint {
            return Err(Error::WrongPlan { what, of });
        }
        if self.id != other.id {
            return Err(Error::WrongKey { what, of });
        }
        Ok(())
    }
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::EvaluationKey => "evaluation key",
            Kind::Request => "request",
            Kind::Reply => "reply",
        }
    }

    /// Returns the bytes of a header of this kind.
    pub(crate) fn bytes(self, header: &Header) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(self as u8);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(header.fingerprint);
        bytes.extend(header.id);
        bytes
    }

    /// Converts a length that follows from the plan to this machine's `usize`.
    ///
    /// # Errors
    /// [`Error::Malformed`] if no buffer of this machine can have this length.
    pub(crate) fn length(self, bytes: u64) -> Result<usize, Error> {
        let length = isize::try_from(bytes).map(isize::unsigned_abs);
        length.map_err(|_| self.malformed(format!("{bytes} bytes, more than memory has")))
    }

    /// Splits bytes into the header and the payload, which must have `expected` bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] and [`Error::WrongPlan`].
    pub(crate) fn split<'a>(
        self,
        bytes: &'a [u8],
        plan: &Plan,
        expected: usize,
    ) -> Result<(Header, &'a [u8]), Error> {
        let Some((header, payload)) = bytes.split_first_chunk() else {
            let length = bytes.len();
            return Err(self.malformed(format!("{length} bytes, a header has {HEADER}")));
        };
        let header = self.open(header, plan)?;
        if payload.len() != expected {
            let length = payload.len();
            return Err(self.malformed(format!(
                "payload of {length} bytes, the plan says {expected}"
            )));
        }
        Ok((header, payload))
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`Error::Malformed`] and [`Error::WrongPlan`].
    pub(crate) fn open(self, header: &[u8; HEADER], plan: &Plan) -> Result<Header, Error> {
        let (magic, rest) = header.split_at(MAGIC.len());
        let (kind, rest) = rest.split_at(1);
        let (version, rest) = rest.split_at(2);
        let (of_plan, id) = rest.split_at(32);
        if magic != MAGIC || kind != [self as u8] {
            return Err(self.malformed("it does not begin as one"));
        }
        if version != VERSION.to_le_bytes() {
            let version = u16::from_le_bytes([version[0], version[1]]);
            return Err(self.malformed(format!("version {version}, this program reads {VERSION}")));
        }
        let fingerprint = plan.fingerprint();
        if of_plan != fingerprint {
            return Err(Error::WrongPlan {
                what: self.name(),
                of: "the plan at hand",
            });
        }
        Ok(Header {
            fingerprint,
            id: id.try_into().expect("the rest of a header is a key id"),
        })
    }

    pub(crate) fn malformed(self, reason: impl Into<String>) -> Error {
        Error::Malformed {
            what: self.name(),
            reason: reason.into(),
        }
    }
}
