//! The header of every message, which says what it is and what it belongs to.

use fhe_nn_proof::plan::{Fingerprint, Plan};

use crate::Error;

const MAGIC: &[u8; 5] = b"FHENN";
/// Number of bytes that every file and message begins with: the magic number, the kind and the version.
pub(crate) const PREFIX: usize = 5 + 1 + 2;
/// Number of bytes of a header.
pub(crate) const HEADER: usize = PREFIX + 32 + 16;

/// A random number that tells keys apart. It is the same in a client key, its evaluation key and everything
/// encrypted under it. It is public, so a client's requests can be linked.
pub type KeyId = [u8; 16];

/// The plan and the key that a message belongs to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Header {
    /// The plan's fingerprint.
    pub(crate) fingerprint: Fingerprint,
    pub(crate) id: KeyId,
}

/// The kinds of files and messages. Their numbers are part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The keys that a client sends to a server once.
    EvaluationKey = 0,
    /// One encrypted input.
    Request = 1,
    /// One encrypted result.
    Reply = 2,
    /// What a client is given of a network.
    Description = 3,
    /// A client's secret keys at rest.
    ClientKey = 4,
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
    const ALL: [Kind; 5] = [
        Kind::EvaluationKey,
        Kind::Request,
        Kind::Reply,
        Kind::Description,
        Kind::ClientKey,
    ];

    /// Returns what the kind is called.
    pub fn name(self) -> &'static str {
        match self {
            Kind::EvaluationKey => "evaluation key",
            Kind::Request => "request",
            Kind::Reply => "reply",
            Kind::Description => "description",
            Kind::ClientKey => "client key",
        }
    }

    /// Returns the version that is written, which is the newest that is read.
    pub fn version(self) -> u16 {
        match self {
            Kind::EvaluationKey | Kind::Request | Kind::Reply => 4,
            Kind::Description | Kind::ClientKey => 1,
        }
    }

    /// Returns the first bytes of everything of this kind.
    pub(crate) fn prefix(self) -> [u8; PREFIX] {
        let mut prefix = [0; PREFIX];
        prefix[..5].copy_from_slice(MAGIC);
        prefix[5] = self as u8;
        prefix[6..].copy_from_slice(&self.version().to_le_bytes());
        prefix
    }

    /// Checks the first bytes.
    ///
    /// # Errors
    /// [`Error::Malformed`] if they are those of something else, and [`Error::NewerVersion`].
    pub(crate) fn read_prefix(self, bytes: &[u8]) -> Result<(), Error> {
        let Some((kind, version)) = kind_and_version(bytes) else {
            return Err(self.malformed("it does not begin as a file of fhe-nn"));
        };
        if kind != self {
            return Err(self.malformed(format!("it is a file of the kind `{}`", kind.name())));
        }
        let known = self.version();
        if version > known {
            return Err(Error::NewerVersion {
                what: self.name(),
                version: version.into(),
                known: known.into(),
            });
        }
        if version < known {
            let reason = format!("version {version}, this program reads {known}");
            return Err(self.malformed(reason));
        }
        Ok(())
    }

    /// Returns the bytes of a header of this kind.
    pub(crate) fn bytes(self, header: &Header) -> Vec<u8> {
        let mut bytes = self.prefix().to_vec();
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
        self.read_prefix(header)?;
        let (of_plan, id) = header[PREFIX..].split_at(32);
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

/// What the first bytes of a file or message say: what it is, and what it belongs to. Nothing else of it is
/// looked at, so it may still turn out to be malformed.
///
/// ```
/// use fhe_nn_core::{Kind, Label};
///
/// # let bytes = b"FHENN\x03\x01\x00{}";
/// let label = Label::read(bytes).expect("it is a file of fhe-nn");
/// assert_eq!((label.kind, label.version), (Kind::Description, 1));
/// assert!(Label::read(b"PK\x03\x04").is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Label {
    /// What it is.
    pub kind: Kind,
    /// The version of its format.
    pub version: u16,
    /// Fingerprint of the plan that it belongs to, and the public number of the client key. A description has
    /// none of these in its header.
    pub belongs_to: Option<(Fingerprint, KeyId)>,
}

impl Label {
    /// Returns whether bytes begin as a file or message of fhe-nn, even if there is no label that this program
    /// knows.
    pub fn begins(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// Reads the first bytes of a file or message. The result is `None` if they are not those of fhe-nn.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, version) = kind_and_version(bytes)?;
        let belongs_to = match kind {
            Kind::Description => None,
            Kind::EvaluationKey | Kind::Request | Kind::Reply | Kind::ClientKey => {
                let (fingerprint, rest) = bytes[PREFIX..].split_first_chunk()?;
                let (id, _) = rest.split_first_chunk()?;
                Some((*fingerprint, *id))
            }
        };
        Some(Label {
            kind,
            version,
            belongs_to,
        })
    }
}

/// Returns what the first bytes say, or `None` if they are not those of a file or message.
fn kind_and_version(bytes: &[u8]) -> Option<(Kind, u16)> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (&[kind, low, high], _) = rest.split_first_chunk()?;
    let kind = Kind::ALL.into_iter().find(|&own| own as u8 == kind)?;
    Some((kind, u16::from_le_bytes([low, high])))
}
