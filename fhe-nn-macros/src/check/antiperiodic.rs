//! Law 4: accumulators that wrap, waves and phases need each other.

use fhe_nn_proof::spec::{Function, Overflow};

use super::stage::{Reader, Stage};
use crate::errors::{Error, Errors, Spanned};

/// `wrap` needs an activation directly behind it whose table is antiperiodic.
pub(super) fn wrap_needs_an_antiperiodic_reader(errors: &mut Errors, stage: &Stage<'_>) -> bool {
    let (Some(word), Overflow::Wrap) = (stage.linear.overflow, stage.overflow()) else {
        return true;
    };
    let name = stage.name;
    let (law, note) = match stage.reader {
        Some(reader) if reader.activation.function.is_antiperiodic() => return true,
        Some(reader) => {
            let function = reader.activation.function.name();
            (
                format!(
                    "`{name}` wraps, but `{function}` of `{}` is not antiperiodic",
                    reader.name
                ),
                "where the accumulator wraps from its greatest to its least \
                    value, the function must change only its sign: `Wave` and `Sign` do"
                    .to_owned(),
            )
        }
        None => (
            format!("`{name}` wraps, but the client decrypts its accumulators"),
            "no activation reads the last layer, and a score modulo a power \
                of two says little"
                .to_owned(),
        ),
    };
    let help = match stage.linear.accumulator {
        Some(_) => format!(
            "write `overflow = calibrated` on `{name}`, which keeps to the \
                width that was seen in calibration"
        ),
        None => format!("write `overflow = checked` on `{name}`"),
    };
    errors.push(Error::new(word.place, law).note(note).help(help));
    false
}

/// `Wave` has a period, and so needs accumulators that wrap.
pub(super) fn wave_needs_wrap(errors: &mut Errors, stage: &Stage<'_>) -> bool {
    let Some(reader) = stage.reader else {
        return true;
    };
    if !reader.needs_wrap() || stage.overflow() == Overflow::Wrap {
        return true;
    }
    let (name, worst) = (stage.name, stage.worst_case());
    let place = stage
        .linear
        .overflow
        .map_or(reader.place, |word| word.place);
    let keys = match stage.linear.accumulator {
        Some(width) if width.value < worst => "overflow = wrap".to_owned(),
        _ => format!("accumulator = {}, overflow = wrap", worst.clamp(3, 6) - 1),
    };
    errors.push(
        Error::new(
            place,
            format!(
                "`Wave` of `{}` needs accumulators that wrap, but `{name}` is {}",
                reader.name,
                stage.overflow()
            ),
        )
        .note(
            "a wave repeats after 2^accumulator: the accumulator is its \
                phase, and cannot overflow",
        )
        .help(format!("write `{keys}` on `{name}`")),
    );
    false
}

/// Phases are equal steps through the entries of half a period.
pub(super) fn phases_divide_half_a_period(errors: &mut Errors, stage: &Stage<'_>) {
    let Some((reader, phases, bits)) = stage.broken_phases() else {
        return;
    };
    let (half, k, name) = (1u32 << (bits - 1), phases.value, reader.name);
    let nearest = half.min(1 << k.ilog2());
    errors.push(
        Error::new(
            phases.place,
            format!("`phases` of `{name}` is {k}, but must divide {half}"),
        )
        .note(format!(
            "its table reads {bits} bits, so half a period has 2^{} = {half} entries",
            bits - 1
        ))
        .help(format!(
            "write `phases = {nearest}` on `{name}`: the next layer then \
                takes {} values",
            stage.linear.form.outputs() * nearest as usize
        )),
    );
}

impl<'a> Stage<'a> {
    /// The reader, its phases and the bits that its table reads, if they do not go together.
    pub(super) fn broken_phases(&self) -> Option<(Reader<'a>, Spanned<u32>, u32)> {
        let reader = self.reader?;
        let phases = reader.activation.phases?;
        let width = self.width();
        let bits = reader
            .activation
            .table
            .map_or(width, |table| table.min(width));
        let divides = (1u64 << (bits - 1)).is_multiple_of(phases.value.into());
        (!divides).then_some((reader, phases, bits))
    }
}

impl Reader<'_> {
    /// Whether it only makes sense with an accumulator that wraps.
    pub(super) fn needs_wrap(&self) -> bool {
        self.activation.function == Function::Wave
    }
}
