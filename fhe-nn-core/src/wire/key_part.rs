//! The keys that an evaluation key consists of, in the order in which they travel.

use fhe_nn_proof::noise::Decomposition;
use fhe_nn_proof::plan::{Bootstrap, Plan};

/// One of the keys that travel.
pub(crate) enum KeyPart<'a> {
    /// The keyswitching key from a large key to a small one.
    Keyswitch(Keyswitch),
    /// The keyswitching key from the last large key to that of the scores.
    Scores(Keyswitch),
    /// A bootstrapping key.
    Bootstrap(&'a Bootstrap),
}

/// What a plan says about a keyswitching key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Keyswitch {
    /// Dimension of the key that it leads from.
    pub(crate) from: u32,
    /// Dimension of the key that it leads to.
    pub(crate) to: u32,
    pub(crate) digits: Decomposition,
    /// Number of bytes of a body as it travels.
    pub(crate) body_bytes: u32,
}

/// Returns the keys that travel for a plan, in order.
pub(crate) fn key_parts(plan: &Plan) -> Vec<KeyPart<'_>> {
    let mut parts = Vec::new();
    for (from, bootstrap, is_new) in plan.new_keys() {
        if is_new.keyswitching {
            parts.extend(keyswitch_of(from, bootstrap).map(KeyPart::Keyswitch));
        }
        if is_new.bootstrapping {
            parts.push(KeyPart::Bootstrap(bootstrap));
        }
    }
    if let Some(digits) = plan.output.keyswitch {
        parts.push(KeyPart::Scores(Keyswitch {
            from: plan.last_dimension(),
            to: plan.output.dimension,
            digits,
            body_bytes: plan.output.keyswitch_body_bytes(),
        }));
    }
    parts
}

/// Returns the keyswitch before a bootstrap of ciphertexts of `from` dimensions, if there is one.
pub(crate) fn keyswitch_of(from: u32, bootstrap: &Bootstrap) -> Option<Keyswitch> {
    bootstrap.keyswitch.map(|digits| Keyswitch {
        from,
        to: bootstrap.small_dimension,
        digits,
        body_bytes: bootstrap.keyswitch_body_bytes(),
    })
}

/// Returns the number of bytes of a bootstrapping key as it travels, without the seed.
pub(crate) fn bootstrap_bytes(key: &Bootstrap) -> usize {
    usize::try_from(key.key_bytes())
        .expect("`Plan::validate` bounds bootstrapping keys below 2^31 bytes")
}

impl KeyPart<'_> {
    /// Returns the number of bytes of the key as it travels, without the seed.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            KeyPart::Keyswitch(keyswitch) | KeyPart::Scores(keyswitch) => keyswitch.bytes(),
            KeyPart::Bootstrap(bootstrap) => bootstrap.key_bytes(),
        }
    }
}

impl Keyswitch {
    /// Returns the number of bytes of the key as it travels, without the seed.
    pub(crate) fn bytes(&self) -> u64 {
        self.bodies() as u64 * u64::from(self.body_bytes)
    }

    /// Returns the number of its bodies, which [`Plan::validate`] bounds: a key of at most 4096 dimensions
    /// and 12 levels.
    pub(crate) fn bodies(&self) -> usize {
        self.from as usize * self.digits.levels as usize
    }
}
