//! How a plan prints.

use core::fmt;

use crate::noise::SECURITY_BITS;
use crate::plan::Plan;
use crate::widths::Reader;

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
            if stage.shares_key {
                writeln!(f, "    with the keys of the stage before")?;
            }
        }
        let output = &self.output;
        write!(
            f,
            "  {} -> client: {} scores of {} bits, ",
            output.linear, output.scores, output.width
        )?;
        if let Some(digits) = output.keyswitch {
            write!(
                f,
                "keyswitch {} x {} bits, ",
                digits.levels, digits.base_log
            )?;
        }
        writeln!(
            f,
            "under a key of {} dimensions, {} bits an element, failure 2^{:.1}",
            output.dimension, output.element_bits, output.log2_failure
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
