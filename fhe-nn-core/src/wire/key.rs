//! Evaluation keys as bytes: seeds and bodies, one part behind the other.

use std::io::{ErrorKind, Read, Write};

use fhe_nn_proof::plan::Plan;

use super::{HEADER, Kind};
use crate::Error;
use crate::keys::EvaluationKey;

impl EvaluationKey {
    /// Writes the key as it travels, seeded and bodies only, to a file or a connection.
    ///
    /// # Errors
    /// [`Error::KeyWasRead`] for a key that was read itself, and [`Error::Stream`].
    pub fn write(&self, mut to: impl Write) -> Result<(), Error> {
        let payload = self.payload.as_ref().ok_or(Error::KeyWasRead)?;
        let mut write = |bytes: &[u8]| {
            to.write_all(bytes).map_err(|source| Error::Stream {
                what: Kind::EvaluationKey.name(),
                source,
            })
        };
        write(&Kind::EvaluationKey.header(&self.fingerprint, &self.id))?;
        write(payload)
    }

    /// Reads a key from a file or a connection to its end and expands it, ready to run: piece by piece,
    /// so that there is never a second copy of the whole. What travelled is not kept.
    /// Takes about a second.
    ///
    /// # Errors
    /// [`Error::Plan`], [`Error::WrongPlan`], [`Error::Malformed`] and [`Error::Stream`].
    pub fn read(mut from: impl Read, plan: &Plan) -> Result<Self, Error> {
        plan.validate()?;
        let (kind, fingerprint) = (Kind::EvaluationKey, plan.fingerprint());
        let mut read = |bytes: &mut [u8]| {
            from.read_exact(bytes)
                .map_err(|source| match source.kind() {
                    ErrorKind::UnexpectedEof => kind.malformed("fewer bytes than the plan says"),
                    _ => Error::Stream {
                        what: kind.name(),
                        source,
                    },
                })
        };
        let mut header = [0; HEADER];
        read(&mut header)?;
        let id = kind.open(&header, &fingerprint)?;
        let key = EvaluationKey::expand(plan.clone(), fingerprint, id, &mut read)?;
        match read(&mut [0]) {
            Err(Error::Malformed { .. }) => Ok(key),
            Err(other) => Err(other),
            Ok(()) => Err(kind.malformed("more bytes than the plan says")),
        }
    }

    /// The key as it travels: seeded, bodies only.
    ///
    /// # Errors
    /// [`Error::KeyWasRead`] for a key that was read itself.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.write(&mut bytes)?;
        Ok(bytes)
    }

    /// The key from bytes, expanded and ready to run, see [`EvaluationKey::read`].
    ///
    /// # Errors
    /// [`Error::Plan`], [`Error::WrongPlan`] and [`Error::Malformed`].
    pub fn from_bytes(bytes: &[u8], plan: &Plan) -> Result<Self, Error> {
        plan.validate()?;
        let expected = EvaluationKey::payload_bytes(plan);
        Kind::EvaluationKey.payload(bytes, &plan.fingerprint(), expected)?;
        EvaluationKey::read(bytes, plan)
    }
}
