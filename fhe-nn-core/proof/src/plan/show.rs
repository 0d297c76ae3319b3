//! Sizes of keys and messages, and how a plan prints.

use core::fmt;

use crate::noise::SECURITY_BITS;
use crate::plan::{Plan, Stage};
use crate::widths::Reader;

/// Bytes of a ciphertext element.
const WORD: u64 = 8;

impl Stage {
    /// Bytes of the stage's bootstrapping key as it travels: seeded, bodies only.
    pub fn bootstrap_key_bytes(&self) -> u64 {
        let rows = u64::from(self.digits.levels) * (u64::from(self.shape.dimension) + 1);
        u64::from(self.small_dimension) * rows * u64::from(self.shape.polynomial_size) * WORD
    }

    /// Bytes of the stage's keyswitching key as it travels, if it has one: seeded, bodies only.
    /// `input_dimension` is that of the key before.
    pub fn keyswitch_key_bytes(&self, input_dimension: u32) -> u64 {
        self.keyswitch.map_or(0, |digits| {
            u64::from(digits.levels) * u64::from(input_dimension) * WORD
        })
    }
}

impl Plan {
    /// Bytes of the payload of an evaluation key as it travels.
    pub fn evaluation_key_bytes(&self) -> u64 {
        let stages = self.stages.iter().zip(self.dimensions());
        stages
            .map(|(stage, before)| stage.bootstrap_key_bytes() + stage.keyswitch_key_bytes(before))
            .sum()
    }

    /// Bytes of an evaluation key in memory: as it travels, and expanded and in Fourier form.
    pub fn evaluation_memory_bytes(&self) -> u64 {
        let stages = self.stages.iter().zip(self.dimensions());
        let expanded = stages.map(|(stage, before)| {
            let rows = u64::from(stage.shape.dimension) + 1;
            let columns = u64::from(stage.small_dimension) + 1;
            stage.bootstrap_key_bytes() * rows + stage.keyswitch_key_bytes(before) * columns
        });
        self.evaluation_key_bytes() + expanded.sum::<u64>()
    }

    /// Bytes of the payload of one encrypted input: seeded, bodies only.
    pub fn request_bytes(&self) -> u64 {
        self.client.inputs as u64 * WORD
    }

    /// Bytes of the payload of one encrypted result.
    pub fn reply_bytes(&self) -> u64 {
        u64::from(self.output.scores) * (u64::from(self.output.dimension) + 1) * WORD
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = &self.client;
        writeln!(
            f,
            "{}: {} inputs of {} bits under a key of {} dimensions",
            client.network, client.inputs, client.input_bits, self.input.dimension
        )?;
        for stage in &self.stages {
            let table = match stage.reader {
                Reader::Padded => "padded",
                Reader::Antiperiodic | Reader::Client => "antiperiodic",
            };
            write!(
                f,
                "  {} -> {}: {}-bit accumulators, {table} tables, {} bootstraps",
                stage.linear, stage.lookup, stage.width, stage.bootstraps
            )?;
            if stage.phases > 1 {
                write!(f, " x {} phases", stage.phases)?;
            }
            writeln!(f)?;
            write!(f, "    ")?;
            match stage.keyswitch {
                Some(digits) => write!(
                    f,
                    "keyswitch {} x {} bits, ",
                    digits.levels, digits.base_log
                )?,
                None => write!(f, "no keyswitch, ")?,
            }
            writeln!(
                f,
                "n = {}, k x N = {} x {}, bootstrap {} x {} bits, failure 2^{:.1}",
                stage.small_dimension,
                stage.shape.dimension,
                stage.shape.polynomial_size,
                stage.digits.levels,
                stage.digits.base_log,
                stage.log2_failure
            )?;
        }
        let output = &self.output;
        writeln!(
            f,
            "  {} -> client: {} scores of {} bits under a key of {} dimensions, failure 2^{:.1}",
            output.linear, output.scores, output.width, output.dimension, output.log2_failure
        )?;
        writeln!(
            f,
            "  evaluation key {} on the wire, {} in memory; request {}, reply {}",
            Bytes(self.evaluation_key_bytes()),
            Bytes(self.evaluation_memory_bytes()),
            Bytes(self.request_bytes()),
            Bytes(self.reply_bytes())
        )?;
        write!(
            f,
            "  {} bootstraps, {SECURITY_BITS} bits of security; encrypted equals clear except with \
             probability at most 2^{:.1} per inference",
            self.bootstraps(),
            self.log2_failure()
        )
    }
}

struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0..1_000 => write!(f, "{} B", self.0),
            1_000..1_000_000 => write!(f, "{:.1} kB", self.0 as f64 / 1e3),
            _ => write!(f, "{:.1} MB", self.0 as f64 / 1e6),
        }
    }
}
