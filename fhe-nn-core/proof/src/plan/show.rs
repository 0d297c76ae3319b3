//! Printing of plans.

use core::fmt;

use crate::noise::{COMPANION_PARTS, Decomposition, SECURITY_BITS, Shape};
use crate::plan::Plan;
use crate::plan::bootstrap::Bootstrap;
use crate::spec::Rounding;
use crate::widths::Reader;

/// Number of threads for which seconds are printed layer by layer.
const THREADS: usize = 2;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = &self.client;
        write!(f, "{}: {} ", client.network, client.inputs)?;
        match client.tokens {
            None => write!(f, "inputs of {} bits", client.input_bits)?,
            Some(tokens) => write!(f, "tokens of {}, {}", tokens.vocabulary, tokens.encoding)?,
        }
        writeln!(f, " under a key of {} dimensions", self.input.dimension)?;
        let mut keys = self.new_keys().into_iter();
        let mut seconds = self.predicted_seconds_of_layers(THREADS);
        for (stage, seconds) in self.stages.iter().zip(&mut seconds) {
            let sums = &stage.sums;
            let table = match sums.reader {
                Reader::Padded => "padded",
                Reader::Antiperiodic | Reader::Client => "antiperiodic",
            };
            write!(
                f,
                "  {} -> {}: {} accumulators of {} bits, {table} tables",
                sums.linear, stage.lookup, sums.neurons, sums.width,
            )?;
            if sums.table_bits < sums.width {
                write!(f, " of the top {} bits, {}", sums.table_bits, sums.rounding)?;
            }
            write!(f, ", {} bootstraps", stage.bootstraps())?;
            if stage.phases > 1 {
                write!(f, " x {} phases", stage.phases)?;
            }
            let failure = stage.log2_failure;
            writeln!(f, ", {seconds:.3} s, failure 2^{failure:.1}")?;
            if let Some(probability) = stage.step_probability {
                let percent = 100.0 * probability;
                writeln!(
                    f,
                    "    a value moves by one step with probability {percent:.1}%, on average over where it lies"
                )?;
            }
            let rounds = stage.rounds.iter();
            let rounds = rounds.map(|round| ("a digit: ", round.bootstraps, &round.bootstrap));
            for (what, count, bootstrap) in rounds.chain([("", sums.neurons, &stage.bootstrap)]) {
                write!(f, "    {what}{bootstrap}")?;
                if !stage.rounds.is_empty() {
                    write!(f, ", {count} times")?;
                }
                let is_new = keys.next().map(|(.., is_new)| is_new.bootstrapping);
                if is_new == Some(false) {
                    write!(f, ", with a bootstrapping key from before")?;
                }
                writeln!(f)?;
            }
        }
        let (output, sums) = (&self.output, &self.output.sums);
        write!(
            f,
            "  {} -> client: {} scores of {} bits, ",
            sums.linear, sums.neurons, sums.width
        )?;
        if sums.rounding == Rounding::Approximate {
            let noise = output.variance.sqrt() * sums.modulus as f64;
            write!(
                f,
                "approximate, with noise of {noise:.1} standard deviation, "
            )?;
        }
        if let Some(digits) = output.keyswitch {
            write!(
                f,
                "keyswitch {} x {} bits, ",
                digits.levels, digits.base_log
            )?;
        }
        let seconds: f64 = seconds.sum();
        writeln!(
            f,
            "under a key of {} dimensions, {} bits an element, {seconds:.3} s, failure 2^{:.1}",
            output.dimension, output.element_bits, output.log2_failure
        )?;
        writeln!(
            f,
            "  predicted: {:.3} s on {THREADS} threads, as for the layers above, and {:.3} s on one",
            self.predicted_seconds(THREADS),
            self.predicted_seconds(1),
        )?;
        writeln!(
            f,
            "  evaluation key {} on the wire, which a server expands to {} in memory before the first run; request {}, \
             reply {}",
            Bytes(self.evaluation_key_bytes()),
            Bytes(self.evaluation_memory_bytes()),
            Bytes(self.request_bytes()),
            Bytes(self.reply_bytes())
        )?;
        write!(
            f,
            "  {} bootstraps, {SECURITY_BITS} bits of security; ",
            self.bootstraps(),
        )?;
        let failure = self.log2_failure();
        if self.is_exact() {
            write!(
                f,
                "encrypted equals clear except with probability at most 2^{failure:.1} per inference"
            )
        } else {
            write!(
                f,
                "approximate: encrypted differs from clear; noise leaves what is stated with \
                 probability at most 2^{failure:.1} per inference"
            )
        }
    }
}

impl fmt::Display for Bootstrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.keyswitch {
            Some(digits) => write!(
                f,
                "keyswitch {} x {} bits, ",
                digits.levels, digits.base_log
            )?,
            None => write!(f, "no keyswitch, ")?,
        }
        let Shape {
            dimension,
            polynomial_size,
        } = self.shape;
        write!(
            f,
            "n = {}, k x N = {dimension} x {polynomial_size}",
            self.small_dimension
        )?;
        if self.extension > 1 {
            write!(f, ", tables over {} polynomials", self.extension)?;
        }
        let Decomposition { levels, base_log } = self.digits;
        write!(f, ", bootstrap {levels} x {base_log} bits")?;
        if let Some(Decomposition { levels, base_log }) = self.body {
            write!(f, " and {levels} x {base_log} of bodies")?;
        }
        if self.key_bits > 1 {
            write!(f, ", {} key bits a step", self.key_bits)?;
        }
        match self.companion {
            0 => Ok(()),
            companion => write!(f, ", companion {companion}/{COMPANION_PARTS}"),
        }
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
