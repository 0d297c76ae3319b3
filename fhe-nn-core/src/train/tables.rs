//! Lookup tables with slopes.

use crate::parallel::*;
use fhe_nn_proof::client::{Affine, Line};
use fhe_nn_proof::spec::{ActivationSpec, Function};
use fhe_nn_proof::widths::Range;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use crate::quantize::{Curve, centre};
use fhe_nn_proof::graph::{LookupOp, Read, Table as Tabled};

/// The tables of an activation: one for each channel.
pub(super) struct Tables {
    channels: Vec<Table>,
    /// Number of accumulators of a channel.
    positions: usize,
    /// Number of values that each accumulator gives.
    phases: usize,
}

/// One period of a table.
struct Table {
    /// Number of low bits that the table does not read.
    dropped: u32,
    /// Distance between two phases.
    step: i64,
    /// Beyond these buckets, the table continues with the values at their ends; `None` if it is periodic.
    ends: Option<Range>,
    /// The entry of bucket r is at index r modulo the number of entries, which is a power of two.
    entries: Vec<Entry>,
    /// Standard deviation of the noise with which accumulators are read.
    noise: f64,
}

/// A result with its derivatives.
#[derive(Clone, Copy, Default)]
struct Entry {
    value: f32,
    /// The derivative by the accumulator, or by the real that it stands for.
    slope: f32,
    /// The derivative by the logarithm of the results' scale.
    shrink: f32,
}

/// Results for accumulators, `[inputs, phases x neurons]` each.
pub(super) struct Looked {
    pub(super) values: Vec<f32>,
    /// The derivatives by the real that an accumulator stands for in a padded table, or by the accumulator
    /// itself in an antiperiodic one.
    pub(super) slopes: Vec<f32>,
    /// The derivatives by the logarithm of the results' scale.
    pub(super) shrinks: Vec<f32>,
}

impl Tables {
    /// Makes the tables of an activation with one table for each channel, as the quantizer makes them. The
    /// slope of a bucket is that of the function from its lower to its upper end, in results per real, and
    /// 0 where results are cut.
    ///
    /// With `saturates`, an accumulator outside its width is read as the nearest one inside it, otherwise
    /// as the integer network reads it.
    pub(super) fn padded(
        act: &ActivationSpec,
        (widths, positions): (&[u32], usize),
        curve: &Curve<'_>,
        lines: &[Line],
        meaning: Affine,
        saturates: bool,
    ) -> Self {
        let levels = act.function.range(act.output);
        let channels = widths.par_iter().zip(lines).enumerate();
        let channels = channels.map(|(c, (&width, &line))| {
            let bits = act.table_bits(width);
            let (dropped, size) = (width - bits, 1i64 << bits);
            let buckets = Range::signed(bits);
            let half = f64::from(dropped).exp2() / 2.0 * line.slope;
            let entry = |r: i64| {
                let x = centre(line, dropped, r);
                let y = curve.value(x, c);
                let steps = y / meaning.scale;
                let level = steps + meaning.zero_point as f64;
                let inside = levels.lo as f64 - 0.5 <= level && level <= levels.hi as f64 + 0.5;
                let rise = curve.value(x + half, c) - curve.value(x - half, c);
                let slope = rise / (2.0 * half) / meaning.scale;
                Entry {
                    value: meaning.quantize(y, levels) as f32,
                    slope: if inside && slope.is_finite() {
                        slope as f32
                    } else {
                        0.0
                    },
                    shrink: if inside { -steps as f32 } else { 0.0 },
                }
            };
            let mut entries = vec![Entry::default(); 2 * size as usize];
            for r in buckets.lo..=buckets.hi {
                let (entry, place) = (entry(r), r.rem_euclid(2 * size) as usize);
                entries[place] = entry;
                entries[(place + size as usize) % (2 * size as usize)] = -entry;
            }
            Table {
                dropped,
                step: 0,
                ends: saturates.then_some(buckets),
                entries,
                noise: 0.0,
            }
        });
        Tables {
            channels: channels.collect(),
            positions,
            phases: 1,
        }
    }

    /// Makes the tables of an antiperiodic activation. The slope of a `Wave` is that of the triangle that
    /// it follows in steps. A `Sign` has the slope of the same triangle a quarter of a period later, so
    /// that the triangle rises where the sign changes. If accumulators never wrap around, a sign never
    /// falls, and its slope is 0 where this triangle falls.
    pub(super) fn antiperiodic(
        act: &ActivationSpec,
        (widths, positions): (&[u32], usize),
        goes_around: bool,
    ) -> Self {
        let level = act.function.range(act.output).hi as f64;
        let channel = |&width: &u32| {
            let op = LookupOp {
                table: Tabled::Antiperiodic(act),
                bits: act.table,
                rounding: act.rounding,
                phases: act.phases,
                next: 0,
                read: Read {
                    stage: 0,
                    reader: act.function.reader(),
                    widths: vec![width].into(),
                    lattices: Vec::new(),
                    positions: 1,
                },
            };
            let period = 1i64 << op.table_bits(0);
            // the triangle takes half a period from one end of the levels to the other
            let steep = 4.0 * level / f64::from(width).exp2();
            let falls = |r: i64| match act.function {
                Function::Sign => (period / 4..3 * period / 4).contains(&r),
                _ => r < period / 2,
            };
            let falling = match (act.function, goes_around) {
                (Function::Sign, false) => 0.0,
                (_, _) => -steep,
            };
            let entry = |r: i64| Entry {
                value: op.entry(0, r) as f32,
                slope: if falls(r) { falling } else { steep } as f32,
                shrink: 0.0,
            };
            Table {
                dropped: op.dropped_bits(0),
                step: period / 2 / i64::from(act.phases),
                ends: None,
                entries: (0..period).map(entry).collect(),
                noise: 0.0,
            }
        };
        Tables {
            channels: widths.iter().map(channel).collect(),
            positions,
            phases: act.phases as usize,
        }
    }

    /// Adds noise to the reads of each channel, with this standard deviation in units of the channel's
    /// accumulators.
    pub(super) fn noisy(mut self, deviations: impl IntoIterator<Item = f64>) -> Self {
        for (channel, deviation) in self.channels.iter_mut().zip(deviations) {
            channel.noise = deviation;
        }
        self
    }

    /// Looks up accumulators, `[inputs, neurons]`. Noise, if there is any, follows from the seed.
    pub(super) fn look_up(&self, accumulators: &[i64], seed: u64) -> Looked {
        let neurons = self.channels.len() * self.positions;
        let outputs = neurons * self.phases;
        let inputs = accumulators.len() / neurons.max(1);
        let zeros = || vec![0.0; inputs * outputs];
        let (mut values, mut slopes, mut shrinks) = (zeros(), zeros(), zeros());
        let rows = accumulators.par_chunks_exact(neurons);
        let is_noisy = self.channels.iter().any(|channel| channel.noise > 0.0);
        rows.zip(values.par_chunks_exact_mut(outputs))
            .zip(slopes.par_chunks_exact_mut(outputs))
            .zip(shrinks.par_chunks_exact_mut(outputs))
            .enumerate()
            .for_each(|(index, (((row, values), slopes), shrinks))| {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                random.set_stream(index as u64);
                for (j, &accumulator) in row.iter().enumerate() {
                    let channel = &self.channels[j / self.positions];
                    // all phases are read from one rotation, so they share one noise
                    let read = if is_noisy {
                        // a value lies in the middle of a unit
                        let noise: f64 = StandardNormal.sample(&mut random);
                        accumulator + (0.5 + channel.noise * noise).floor() as i64
                    } else {
                        accumulator
                    };
                    for q in 0..self.phases {
                        let (entry, place) = (channel.entry(read, q), q * neurons + j);
                        values[place] = entry.value;
                        slopes[place] = entry.slope;
                        shrinks[place] = entry.shrink;
                    }
                }
            });
        Looked {
            values,
            slopes,
            shrinks,
        }
    }
}

impl Table {
    fn entry(&self, accumulator: i64, phase: usize) -> Entry {
        let mut r = accumulator >> self.dropped;
        if let Some(ends) = self.ends {
            r = r.clamp(ends.lo, ends.hi);
        }
        let place = r + phase as i64 * self.step;
        self.entries[(place & (self.entries.len() as i64 - 1)) as usize]
    }
}

impl std::ops::Neg for Entry {
    type Output = Entry;

    fn neg(self) -> Entry {
        Entry {
            value: -self.value,
            slope: -self.slope,
            shrink: -self.shrink,
        }
    }
}

#[cfg(test)]
mod tests {
    use fhe_nn_proof::spec::Rounding;

    use super::*;

    #[test]
    fn a_sign_falls_only_where_accumulators_go_around() {
        let act = ActivationSpec {
            function: Function::Sign,
            output: 1,
            table: None,
            rounding: Rounding::Exact,
            phases: 1,
        };
        let slopes = |goes_around| {
            let table = Tables::antiperiodic(&act, (&[3], 1), goes_around);
            table.look_up(&[-4, -3, -2, -1, 0, 1, 2, 3], 0).slopes
        };
        assert_eq!(slopes(true), [-0.5, -0.5, 0.5, 0.5, 0.5, 0.5, -0.5, -0.5]);
        assert_eq!(slopes(false), [0.0, 0.0, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0]);
    }

    /// Small noise of standard deviation s moves a value, which lies anywhere in a bucket of 16, to another
    /// bucket with probability E|noise| / 16 = s sqrt(2 / pi) / 16.
    #[test]
    fn noise_moves_as_many_values_as_it_should() {
        let act = ActivationSpec {
            function: Function::Identity,
            output: 8,
            table: Some(4),
            rounding: Rounding::Approximate,
            phases: 1,
        };
        let curve = Curve::of(Function::Identity);
        let line = Line {
            slope: 1.0,
            offset: 0.0,
        };
        let meaning = Affine {
            scale: 1.0,
            zero_point: 0,
        };
        let table = || Tables::padded(&act, (&[8], 1), &curve, &[line], meaning, true);
        let accumulators: Vec<i64> = (0..64_000).map(|i| i % 240 - 120).collect();
        let quiet = table().look_up(&accumulators, 1).values;
        let deviation = 2.0;
        let noisy = table().noisy([deviation]).look_up(&accumulators, 1).values;
        let moved = quiet
            .iter()
            .zip(&noisy)
            .filter(|(quiet, noisy)| quiet != noisy)
            .count();
        let expected = deviation * (2.0 / std::f64::consts::PI).sqrt() / 16.0;
        let found = moved as f64 / 64_000.0;
        // five standard deviations of a fraction of 64,000
        let tolerance = 5.0 * (expected / 64_000.0).sqrt();
        assert!((found - expected).abs() < tolerance, "{found} {expected}");
    }
}
