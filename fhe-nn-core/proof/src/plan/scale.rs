//! What one unit of a value is on the torus.
//!
//! A value is encrypted as a multiple of the step of the sums that read it. Where sums of several layers
//! read a value, or sums of one layer read values of several, all of them must take the same step: that of
//! the finest. Whoever could do with a coarser one counts modulo a greater power of two and is multiplied
//! by what lies between, as narrow neurons of a layer are.

use crate::client::ClientSpec;
use crate::plan::demand::{Accumulators, Program, StageDemand, modulus};
use crate::plan::{Fingerprint, PlanError};
use crate::spec::Rounding;
use crate::widths::{MAX_ROUNDED_BITS, Reader};

/// Widest scale: room for a guard beside the widest accumulator.
pub(super) const MAX_SCALE: u32 = MAX_ROUNDED_BITS + 4;

impl Program {
    /// A program of stages in the order of execution, with one scale for all that read the same values.
    pub fn new(
        client: ClientSpec,
        stages: Vec<StageDemand>,
        output: Accumulators,
        model: Fingerprint,
    ) -> Self {
        let mut program = Program {
            client,
            stages,
            output,
            model,
        };
        program.share_scales();
        program
    }

    fn share_scales(&mut self) {
        let mut groups: Vec<usize> = (0..=self.stages.len()).collect();
        for sums in self.sums() {
            let own: Vec<usize> = sums
                .sources
                .iter()
                .map(|&source| groups[source as usize])
                .collect();
            for group in &mut groups {
                if own.contains(group) {
                    *group = own[0];
                }
            }
        }
        let group_of =
            |sums: &Accumulators| sums.sources.first().map(|&source| groups[source as usize]);
        for group in 0..=self.stages.len() {
            let own = self.sums().filter(|sums| group_of(sums) == Some(group));
            let moduli: Vec<u64> = own.map(|sums| sums.modulus).collect();
            let finest = moduli.iter().copied().max().unwrap_or(1);
            if moduli.len() > 1 {
                let stages = self.stages.iter_mut().map(|stage| &mut stage.accumulators);
                let all = stages.chain([&mut self.output]);
                let own = all.filter(|sums| group_of(sums) == Some(group));
                own.for_each(|sums| sums.take_modulus(finest.next_power_of_two()));
            }
        }
    }

    fn sums(&self) -> impl Iterator<Item = &Accumulators> {
        let stages = self.stages.iter().map(|stage| &stage.accumulators);
        stages.chain([&self.output])
    }
}

impl Accumulators {
    /// Takes the widest scale that a torus of so many steps, a power of two, has room for.
    fn take_modulus(&mut self, steps: u64) {
        let room = |scale: &u32| modulus(self.reader, *scale, self.table, self.rounding) <= steps;
        let scale = (self.width()..=MAX_SCALE).take_while(room).last();
        self.scale = scale.unwrap_or(self.width());
        self.modulus = steps;
    }
}

/// Whether sums of this kind can have such a scale: their own, or one that they share.
pub(super) fn check(
    (reader, width, table, rounding): (Reader, u32, u32, Rounding),
    scale: u32,
    found: u64,
) -> Result<(), PlanError> {
    let out_of_range = |what, value, least, most| PlanError::OutOfRange {
        what,
        value,
        least,
        most,
    };
    if !(width..=MAX_SCALE).contains(&scale) {
        return Err(out_of_range(
            "scale",
            scale.into(),
            width.into(),
            MAX_SCALE.into(),
        ));
    }
    let own = modulus(reader, scale, table, rounding);
    let next = modulus(reader, scale + 1, table, rounding);
    let shared = found.is_power_of_two() && (own..next).contains(&found);
    match found == own || (rounding == Rounding::Approximate && shared) {
        true => Ok(()),
        false => Err(out_of_range("steps of the torus", found, own, own)),
    }
}
