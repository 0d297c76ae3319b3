//! Tables as a tensor operation.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::design::Design;

/// Looks the values of all phases up for each integer, in a table that repeats: n x m to n x km.
#[derive(Clone)]
pub(crate) struct Lookup {
    table: Vec<f32>,
    slope: Vec<f32>,
    shifts: Vec<i32>,
}

impl Lookup {
    /// The wave with values in [-1, 1], and the slope of the triangle that it approximates.
    pub(crate) fn wave(design: &Design) -> Self {
        let table = design.table();
        Self {
            table: table
                .iter()
                .map(|&level| level as f32 / design.level as f32)
                .collect(),
            slope: design.slope(),
            shifts: design.shifts(),
        }
    }
}

impl CustomOp1 for Lookup {
    fn name(&self) -> &'static str {
        "lookup"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, columns) = layout.shape().dims2()?;
        let Some((start, end)) = layout.contiguous_offsets() else {
            candle_core::bail!("lookup needs a contiguous tensor")
        };
        // the table's length is a power of two
        let mask = self.table.len() as i32 - 1;
        let width = self.shifts.len() * columns;
        let mut values = Vec::with_capacity(rows * width);
        for row in storage.as_slice::<f32>()?[start..end].chunks_exact(columns) {
            for shift in &self.shifts {
                values.extend(row.iter().map(|&accumulator| {
                    self.table[((accumulator as i32 + shift) & mask) as usize]
                }));
            }
        }
        Ok((CpuStorage::F32(values), Shape::from((rows, width))))
    }

    fn bwd(&self, accumulators: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (rows, columns) = accumulators.dims2()?;
        let slope = Self {
            table: self.slope.clone(),
            slope: Vec::new(),
            shifts: self.shifts.clone(),
        };
        let slopes = accumulators.apply_op1_no_bwd(&slope)?;
        let gradient = (gradient * slopes)?
            .reshape((rows, self.shifts.len(), columns))?
            .sum(1)?;
        Ok(Some(gradient))
    }
}
