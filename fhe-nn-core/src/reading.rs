//! How a table reads a place on the torus as the value that a ciphertext stands for there.
//!
//! If a table has E coefficients, a phase is switched to one of `2 E` places. This module decides which
//! value the phase is read as at each of them, for encrypted and simulated runs alike.

use fhe_nn_proof::plan::Stage;
use fhe_nn_proof::spec::Rounding;
use fhe_nn_proof::widths::{Lattice, Reader};

use fhe_nn_proof::graph::LookupOp;

/// How the phases of one accumulator are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reading {
    /// Phases are read as the nearest possible value: `offset + distance x` places, for any integer x, are
    /// the value `lattice.offset + 2^lattice.step_bits x`.
    Nearest {
        offset: i64,
        distance: i64,
        lattice: Lattice,
    },
    /// Phases are read as the step of the table in which they lie: `2 c + 1` half places are
    /// `(2 c + 1) modulus / 2^shift` steps.
    Floor {
        modulus: u64,
        shift: u32,
        range: Steps,
    },
}

/// The steps of a table that is read by [`Reading::Floor`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Steps {
    /// The table continues, so any step may be read.
    All,
    /// The table has `table_size` coefficients and the steps `[-half, half)`. In the guard around these,
    /// phases are read as the nearest step.
    Guarded { table_size: u32, half: i64 },
}

impl Reading {
    /// Reads integers modulo `2^bits` by a table of `table_size` coefficients.
    pub(crate) fn nearest(table_size: u32, bits: u32, lattice: Lattice) -> Self {
        let step = (2 * i64::from(table_size)) >> bits;
        Reading::Nearest {
            offset: step * lattice.offset,
            distance: step << lattice.step_bits,
            lattice,
        }
    }

    /// Returns how the phases of neuron `j` of a stage are read.
    pub(crate) fn of(stage: &Stage, op: &LookupOp<'_>, j: usize) -> Self {
        let lattice = op.read.lattice(j);
        let table_size = stage.bootstrap.table_size();
        let (table, dropped) = (op.table_bits(j), op.dropped_bits(j));
        match stage.sums.rounding {
            Rounding::Exact => {
                let rounded = Lattice {
                    step_bits: lattice.step_bits.saturating_sub(dropped),
                    offset: lattice.offset >> dropped,
                };
                Reading::nearest(table_size, stage.sums.reader.modulus_bits(table), rounded)
            }
            Rounding::Approximate => Reading::Floor {
                modulus: stage.sums.modulus,
                shift: (4 * table_size).ilog2() + stage.sums.step_width - op.read.width(j)
                    + dropped,
                range: match stage.sums.reader {
                    Reader::Padded => Steps::Guarded {
                        table_size,
                        half: 1 << (table - 1),
                    },
                    Reader::Antiperiodic | Reader::Client => Steps::All,
                },
            },
        }
    }

    /// Returns the value that a phase at place `c` is read as, for c in `[0, 2 E)`.
    pub(crate) fn value(&self, c: i64) -> i64 {
        match *self {
            Reading::Nearest {
                offset,
                distance,
                lattice,
            } => {
                let x = (c - offset + distance / 2).div_euclid(distance);
                lattice.offset + (x << lattice.step_bits)
            }
            Reading::Floor {
                modulus,
                shift,
                range,
            } => {
                let halves = i128::from(2 * c + 1) * i128::from(modulus);
                match range {
                    Steps::All => (halves >> shift) as i64,
                    Steps::Guarded { table_size, half } => {
                        let turn = 4 * i128::from(table_size) * i128::from(modulus);
                        guarded(halves, shift, turn, half)
                    }
                }
            }
        }
    }
}

/// Returns the step that a phase is read as, with a guard. The range and its guard fill half of the torus,
/// a quarter for either sign. In the other half the table is its own negative, as it is `2 half` steps on.
/// `halves` are below `turn`.
fn guarded(halves: i128, shift: u32, turn: i128, half: i64) -> i64 {
    let quarters = (4 * halves).div_euclid(turn);
    let (back, on) = match quarters {
        0 => (0, 0),
        1 | 2 => (turn / 2, 2 * half),
        _ => (turn, 0),
    };
    let step = (halves - back) >> shift;
    (step as i64).clamp(-half, half - 1) + on
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of 2 bits has 4 steps, here on 64 places, and a guard of 128 steps of the accumulators. Half
    /// a turn has 4 + 8 steps of the table, of 16 steps of the accumulators each.
    #[test]
    fn a_guard_reads_as_the_last_step() {
        let reading = Reading::Floor {
            modulus: 24 * 16,
            shift: 7 + 4,
            range: Steps::Guarded {
                table_size: 32,
                half: 2,
            },
        };
        let values: Vec<i64> = (0..64).map(|c| reading.value(c)).collect();
        // 24 steps on 64 places: 2 2/3 places a step
        let step = |c: i64| (2 * c + 1) * 24 / 128;
        for (c, value) in (0..64).zip(values) {
            let expected = match step(c) {
                r @ 0..6 => r.min(1),
                r @ 6..18 => (r - 12).clamp(-2, 1) + 4,
                r => (r - 24).max(-2),
            };
            assert_eq!(value, expected, "{c}");
        }
    }

    #[test]
    fn the_nearest_value_of_a_lattice() {
        let lattice = Lattice {
            step_bits: 1,
            offset: 1,
        };
        // 8 values on 32 places; only the odd ones occur, at places 4, 12, 20 and 28
        let reading = Reading::nearest(16, 3, lattice);
        let values: Vec<i64> = (0..32).map(|c| reading.value(c)).collect();
        let expected = (0..32).map(|c| 1 + 2 * (c / 8));
        assert_eq!(values, expected.collect::<Vec<i64>>());
    }
}
