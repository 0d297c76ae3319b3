//! Laws 2, 3 and 5: the accumulator, the table that reads it and the scores fit their widths.

use fhe_nn_proof::plan::widest_table_factor;
use fhe_nn_proof::rounding::bootstraps;
use fhe_nn_proof::spec::{Overflow, Rounding};
use fhe_nn_proof::widths::{
    MAX_ACCUMULATOR_BITS, MAX_ANTIPERIODIC_TABLE_BITS, MAX_OUTPUT_BITS, MAX_ROUNDED_BITS,
    MAX_TABLE_BITS, max_fan_in,
};

use super::stage::{Reader, Stage};
use crate::errors::{Error, Errors};

/// Law 2: an accumulator has at most [`MAX_ACCUMULATOR_BITS`] bits, and one that wraps has fewer
/// than its worst case. A written width below the worst case is a promise, which the quantizer
/// keeps for every neuron.
pub(super) fn accumulator_fits(errors: &mut Errors, stage: &Stage<'_>) -> bool {
    let (name, worst) = (stage.name, stage.worst_case());
    let error = match (stage.overflow(), stage.linear.accumulator) {
        (Overflow::Wrap, None) => {
            let place = stage
                .linear
                .overflow
                .map_or(stage.place(), |word| word.place);
            let law = format!("`{name}` wraps, but at which width is not written");
            let error = Error::new(place, law).note(format!(
                "the worst case has {worst} bits: {}",
                stage.arithmetic()
            ));
            if worst > 2 {
                error.help(format!(
                    "write `accumulator = {}` on `{name}`",
                    worst.min(6) - 1
                ))
            } else {
                error.help("use wider weights: the worst case is the least width, 2 bits")
            }
        }
        (Overflow::Wrap, Some(width)) if width.value >= worst => {
            let width_bits = width.value;
            let law = format!(
                "accumulator of `{name}` never wraps at {width_bits} bits, as it \
                    needs only {worst}"
            );
            let error = Error::new(width.place, law).note(stage.arithmetic());
            match stage.reader.filter(Reader::needs_wrap) {
                _ if worst <= 2 => {
                    error.help("use wider weights: the worst case is the least width, 2 bits")
                }
                Some(wave) => error.help(format!(
                    "write `accumulator = {}` on `{name}`",
                    wave.readable_bits().min(worst - 1)
                )),
                None => error.help(format!(
                    "write `overflow = checked` on `{name}`: nothing can overflow, \
                        and the compiler has proved it"
                )),
            }
        }
        (Overflow::Checked | Overflow::Calibrated, None) if worst > MAX_ACCUMULATOR_BITS => {
            let law = format!(
                "accumulator of `{name}` needs {worst} bits, but \
                    {MAX_ACCUMULATOR_BITS} are allowed"
            );
            let width = stage
                .reader
                .map_or(MAX_OUTPUT_BITS, |reader| reader.readable_bits());
            let wider = match stage.reader {
                Some(reader) if reader.activation.table.is_none() => {
                    format!(
                        "; up to {MAX_ROUNDED_BITS} with a `table` on `{}`",
                        reader.name
                    )
                }
                _ => String::new(),
            };
            Error::new(stage.place(), law)
                .note(stage.arithmetic())
                .help(format!(
                    "write `accumulator = {width}` on `{name}`, {}{wider}",
                    promise(stage)
                ))
        }
        (Overflow::Wrap, Some(_)) | (Overflow::Checked | Overflow::Calibrated, _) => return true,
    };
    errors.push(error);
    false
}

/// Law 3: a table reads `table` bits of the accumulator, or all without `table`: at most
/// [`MAX_TABLE_BITS`], or [`MAX_ANTIPERIODIC_TABLE_BITS`] if it is antiperiodic. (The range of the key
/// bounds a written `table`.)
pub(super) fn table_fits(errors: &mut Errors, stage: &Stage<'_>) -> bool {
    let Some(reader) = stage.reader else {
        return true;
    };
    let (width, limit) = (stage.width(), reader.table_limit());
    if reader.activation.table.is_some() || width <= limit {
        return true;
    }
    let (name, act) = (stage.name, reader.name);
    let inputs = max_fan_in(limit, stage.range, stage.linear.weights.value) as usize;
    let room = stage.room(inputs);
    let table = reader.activation.advised_table();
    let (verb, note, fits) = match stage.linear.accumulator {
        Some(_) => (
            "has",
            "without `table`, a table has an entry for every value of the \
                accumulator"
                .to_owned(),
            String::new(),
        ),
        None => {
            let room = room.filter(|_| width <= MAX_ROUNDED_BITS);
            let fits =
                room.map(|room| format!("; without it, at most {room} would fit at these widths"));
            ("needs", stage.arithmetic(), fits.unwrap_or_default())
        }
    };
    errors.push(
        Error::new(
            stage.place(),
            format!(
                "accumulator of `{name}` {verb} {width} bits, but the table of \
                `{act}` reads at most {limit}"
            ),
        )
        .note(note)
        .help(format!(
            "write `table = {table}` on `{act}`: it reads the top {table} bits{}{}{fits}",
            reader.drops(width, table),
            reader.dear(width)
        )),
    );
    false
}

/// Law 6, no key without a use: a table without `table` leaves no bits to round.
pub(super) fn rounding_has_bits_to_drop(errors: &mut Errors, stage: &Stage<'_>) {
    let Some(reader) = stage.reader else { return };
    let Some(rounding) = reader.activation.rounding else {
        return;
    };
    if reader.activation.table.is_none() {
        let act = reader.name;
        let law = format!("table of `{act}` drops no bits, but how to round them is written");
        let error = Error::new(rounding.place, law).note(format!(
            "without `table`, it reads all {} bits of `{}`",
            stage.width(),
            stage.name
        ));
        let narrower = stage
            .width()
            .saturating_sub(1)
            .clamp(1, reader.activation.advised_table());
        errors.push(error.help(format!("write `table = {narrower}` on `{act}`")));
    }
}

/// Law 5: the accumulators of the last layer are decrypted, at most [`MAX_OUTPUT_BITS`] bits.
pub(super) fn output_fits(errors: &mut Errors, stage: &Stage<'_>) -> bool {
    let width = stage.width();
    if stage.reader.is_some() || width <= MAX_OUTPUT_BITS {
        return true;
    }
    let name = stage.name;
    let (verb, note) = match stage.linear.accumulator {
        Some(_) => (
            "has",
            "no activation reads the last layer: the client decrypts its \
                accumulators"
                .to_owned(),
        ),
        None => ("needs", stage.arithmetic()),
    };
    errors.push(
        Error::new(
            stage.place(),
            format!(
                "accumulator of `{name}` {verb} {width} bits, but at most \
                {MAX_OUTPUT_BITS} can be decrypted"
            ),
        )
        .note(note)
        .help(format!(
            "write `accumulator = {MAX_OUTPUT_BITS}` on `{name}`, {}",
            promise(stage)
        )),
    );
    false
}

/// The meaning of a written width that is smaller than the worst case.
fn promise(stage: &Stage<'_>) -> &'static str {
    match stage.overflow() {
        Overflow::Checked | Overflow::Wrap => "a promise that the quantizer keeps for every neuron",
        Overflow::Calibrated => "the width that calibration fills",
    }
}

impl Reader<'_> {
    /// Greatest number of bits that its table reads.
    fn table_limit(&self) -> u32 {
        if self.activation.function.is_antiperiodic() {
            MAX_ANTIPERIODIC_TABLE_BITS
        } else {
            MAX_TABLE_BITS
        }
    }

    /// Widest accumulator that it can read encrypted with the keys that were written.
    fn readable_bits(&self) -> u32 {
        match self.activation.table {
            None => self.table_limit(),
            Some(_) => MAX_ROUNDED_BITS,
        }
    }

    /// What the widest table costs in place of the one that is advised; nothing where no run is possible as it
    /// stands.
    fn dear(&self, width: u32) -> String {
        if width > MAX_ROUNDED_BITS {
            return String::new();
        }
        let rounding = self.activation.rounding.map(|rounding| rounding.value);
        let reader = self.activation.function.reader();
        let factor = widest_table_factor(reader, width, rounding.unwrap_or(Rounding::Exact));
        let limit = self.table_limit();
        format!("; `table = {limit}` would take about {factor:.0} times as long")
    }

    /// What becomes of the bits that a table of `table` bits would not read.
    fn drops(&self, width: u32, table: u32) -> String {
        let rounding = self.activation.rounding.map(|rounding| rounding.value);
        let bits = width - table;
        match (rounding.unwrap_or(Rounding::Exact), bootstraps(bits)) {
            _ if width > MAX_ROUNDED_BITS => format!(
                "; to run encrypted, the quantized accumulators must fit {MAX_ROUNDED_BITS} bits"
            ),
            (Rounding::Approximate, _) => ", approximately".to_owned(),
            (Rounding::Exact, 1) => {
                ", and at most 1 more bootstrap per neuron removes the lowest".to_owned()
            }
            (Rounding::Exact, more) => {
                format!(", and at most {more} more bootstraps per neuron remove the lower {bits}")
            }
        }
    }
}
