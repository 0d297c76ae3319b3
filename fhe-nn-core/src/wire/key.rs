//! Evaluation keys as bytes: seeds and bodies, one part behind the other.

use std::io::{ErrorKind, Read, Write};

use fhe_nn_proof::plan::Plan;

use super::{HEADER, Kind, SEED, fingerprint};
use crate::Error;
use crate::keys::{EvaluationKey, Seeded};

impl EvaluationKey {
    /// Writes the key as it travels, seeded and bodies only, to a file or a connection.
    ///
    /// # Errors
    /// [`Error::KeyWasRead`] for a key that was read itself, and [`Error::Stream`].
    pub fn write(&self, mut to: impl Write) -> Result<(), Error> {
        let seeded = self.seeded.as_ref().ok_or(Error::KeyWasRead)?;
        let mut write = |bytes: &[u8]| {
            to.write_all(bytes).map_err(|source| Error::Stream {
                what: Kind::EvaluationKey.name(),
                source,
            })
        };
        write(&Kind::EvaluationKey.header(&self.fingerprint, &self.id))?;
        for Seeded { seed, bodies } in seeded {
            write(&seed.to_le_bytes())?;
            write(bodies)?;
        }
        Ok(())
    }

    /// Reads a key from a file or a connection to its end and expands it, ready to run: one part after
    /// the other, so that there is never a second copy of the whole. What travelled is not kept.
    /// Takes about a second.
    ///
    /// # Errors
    /// [`Error::Plan`], [`Error::WrongPlan`], [`Error::Malformed`] and [`Error::Stream`].
    pub fn read(mut from: impl Read, plan: &Plan) -> Result<Self, Error> {
        plan.validate()?;
        let (kind, fingerprint) = (Kind::EvaluationKey, fingerprint(plan));
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
        let key = EvaluationKey::expand(plan.clone(), fingerprint, id, |length| {
            let (mut seed, mut bodies) = ([0; SEED], vec![0; length]);
            read(&mut seed)?;
            read(&mut bodies)?;
            Ok::<Seeded, Error>(Seeded {
                seed: u128::from_le_bytes(seed),
                bodies,
            })
        })?;
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
        let lengths = EvaluationKey::lengths(plan);
        let expected = lengths.iter().map(|length| SEED + length).sum();
        Kind::EvaluationKey.payload(bytes, &fingerprint(plan), expected)?;
        EvaluationKey::read(bytes, plan)
    }
}
