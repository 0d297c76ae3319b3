//! Sizes of keys and messages. A plan from outside may have any numbers, so sizes saturate.

use crate::noise::{
    Decomposition, KEYSWITCH_MODULUS_BITS, MODULUS_BITS, body_bytes, secure_variance,
    secure_variance_of,
};
use crate::plan::{InputPlan, OutputPlan, Plan, Stage};

impl InputPlan {
    /// Bytes of the body of an encrypted input as it travels.
    pub fn body_bytes(&self) -> u32 {
        body_bytes(secure_variance(self.dimension), MODULUS_BITS)
    }
}

impl Stage {
    /// Bytes of a body of the bootstrapping key as it travels.
    pub fn bootstrap_body_bytes(&self) -> u32 {
        body_bytes(secure_variance(self.shape.lwe_dimension()), MODULUS_BITS)
    }

    /// Bytes of a body of the keyswitching key as it travels.
    pub fn keyswitch_body_bytes(&self) -> u32 {
        keyswitch_body_bytes(self.small_dimension)
    }

    /// Bytes of the stage's bootstrapping key as it travels: seeded, bodies only.
    pub fn bootstrap_key_bytes(&self) -> u64 {
        self.bootstrap_bodies()
            .saturating_mul(self.bootstrap_body_bytes().into())
    }

    /// Bytes of the stage's keyswitching key as it travels, if it has one: seeded, bodies only.
    /// `input_dimension` is that of the key before.
    pub fn keyswitch_key_bytes(&self, input_dimension: u32) -> u64 {
        keyswitch_bodies(self.keyswitch, input_dimension)
            .saturating_mul(self.keyswitch_body_bytes().into())
    }

    /// Number of bodies of the bootstrapping key: `n` times `levels x (k + 1)` polynomials.
    fn bootstrap_bodies(&self) -> u64 {
        product([
            self.digits.levels.into(),
            u64::from(self.shape.dimension) + 1,
            self.small_dimension.into(),
            self.shape.polynomial_size.into(),
        ])
    }
}

impl OutputPlan {
    /// Bytes of a body of the keyswitching key as it travels.
    pub fn keyswitch_body_bytes(&self) -> u32 {
        keyswitch_body_bytes(self.dimension)
    }

    /// Bytes of the scores' keyswitching key as it travels, if there is one: seeded, bodies only.
    /// `input_dimension` is that of the key before.
    pub fn keyswitch_key_bytes(&self, input_dimension: u32) -> u64 {
        keyswitch_bodies(self.keyswitch, input_dimension)
            .saturating_mul(self.keyswitch_body_bytes().into())
    }
}

impl Plan {
    /// Bytes of the payload of an evaluation key as it travels, without the seeds. Keys that stages
    /// share travel once.
    pub fn evaluation_key_bytes(&self) -> u64 {
        let stages = self.stages.iter().zip(self.dimensions()).enumerate();
        let stages = stages.map(|(index, (stage, before))| {
            let bootstrap = match stage.shares_key {
                true => 0,
                false => stage.bootstrap_key_bytes(),
            };
            let keyswitch = match self.shares_keyswitch(index) {
                true => 0,
                false => stage.keyswitch_key_bytes(before),
            };
            bootstrap.saturating_add(keyswitch)
        });
        stages
            .chain([self.output.keyswitch_key_bytes(self.last_dimension())])
            .fold(0, u64::saturating_add)
    }

    /// Bytes of an evaluation key in a server's memory: bootstrapping keys in Fourier form, `k + 1`
    /// polynomials of 8 bytes a coefficient for every body, and keyswitching keys of 4 bytes an
    /// element, `n + 1` for every body.
    pub fn evaluation_memory_bytes(&self) -> u64 {
        let keyswitch = |digits, before, n: u32| {
            product([4, keyswitch_bodies(digits, before), u64::from(n) + 1])
        };
        let stages = self.stages.iter().zip(self.dimensions()).enumerate();
        let stages = stages.map(|(index, (stage, before))| {
            let polynomials = u64::from(stage.shape.dimension) + 1;
            let bootstrap = match stage.shares_key {
                true => 0,
                false => product([8, stage.bootstrap_bodies(), polynomials]),
            };
            let keyswitch = match self.shares_keyswitch(index) {
                true => 0,
                false => keyswitch(stage.keyswitch, before, stage.small_dimension),
            };
            bootstrap.saturating_add(keyswitch)
        });
        let output = &self.output;
        let output = keyswitch(output.keyswitch, self.last_dimension(), output.dimension);
        stages.chain([output]).fold(0, u64::saturating_add)
    }

    /// Bytes of the payload of one encrypted input: seeded, bodies only.
    pub fn request_bytes(&self) -> u64 {
        product([self.client.inputs as u64, self.input.body_bytes().into()])
    }

    /// Bytes of the payload of one encrypted result: a string of bits, `dimension + 1` elements of
    /// `element_bits` for each score.
    pub fn reply_bytes(&self) -> u64 {
        let output = &self.output;
        let bits = product([
            output.scores.into(),
            u64::from(output.dimension) + 1,
            output.element_bits.into(),
        ]);
        bits.div_ceil(8)
    }
}

/// Bytes of a body of a keyswitching key to `n` dimensions.
pub(super) fn keyswitch_body_bytes(n: u32) -> u32 {
    let variance = secure_variance_of(n, KEYSWITCH_MODULUS_BITS);
    body_bytes(variance, KEYSWITCH_MODULUS_BITS)
}

/// Number of bodies of a keyswitching key.
fn keyswitch_bodies(digits: Option<Decomposition>, input_dimension: u32) -> u64 {
    digits.map_or(0, |digits| {
        product([digits.levels.into(), input_dimension.into()])
    })
}

fn product<const N: usize>(factors: [u64; N]) -> u64 {
    factors.into_iter().fold(1, u64::saturating_mul)
}
