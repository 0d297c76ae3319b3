//! The outputs that the client of an imported network makes of the scores, with gradients.

use candle_core::{Device, Result as Computed, Tensor};
use fhe_nn_proof::client::{OutputForm, OutputGrid, Outputs};

/// The outputs of scores in reals. Gradients are those of the weighted sums; that a grid rounds is passed over, as it
/// is everywhere in training.
///
/// # Shapes
/// `scores`: `[inputs, scores]`; the result: `[inputs, outputs]`.
///
/// # Errors
/// What candle reports.
pub(super) fn outputs(scores: &Tensor, outputs: &Outputs) -> Computed<Tensor> {
    let (inputs, count) = (scores.dim(0)?, outputs.combinations.len());
    let device = scores.device();
    let offsets = outputs.combinations.iter().map(|own| own.offset as f32);
    let offsets = Tensor::from_vec(offsets.collect::<Vec<f32>>(), (1, count), device)?;
    let mut sums = offsets.broadcast_as((inputs, count))?.contiguous()?;
    let each = outputs.combinations.iter().enumerate();
    let terms = each.flat_map(|(to, own)| own.terms.iter().map(move |term| (to, term)));
    let (mut to, mut from, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    for (output, term) in terms {
        to.push(output as u32);
        from.push(term.score as u32);
        weights.push(term.weight as f32);
    }
    if !to.is_empty() {
        let terms = to.len();
        let taken = scores.index_select(&Tensor::from_vec(from, terms, device)?, 1)?;
        let taken = taken.broadcast_mul(&Tensor::from_vec(weights, (1, terms), device)?)?;
        sums = sums.index_add(&Tensor::from_vec(to, terms, device)?, &taken, 1)?;
    }
    match &outputs.grid {
        Some(grid) => on(grid, &sums, device),
        None => Ok(sums),
    }
}

/// Values on the levels of a grid.
fn on(grid: &OutputGrid, values: &Tensor, device: &Device) -> Computed<Tensor> {
    let reals: Vec<f32> = values.flatten_all()?.to_vec1()?;
    let levels: Vec<f32> = reals.iter().map(|&x| grid.of(x.into()) as f32).collect();
    let levels = Tensor::from_vec(levels, values.dims2()?, device)?;
    let line = match grid.form {
        OutputForm::Real => values.clone(),
        OutputForm::Level => values.affine(1.0 / grid.scale, grid.zero_point as f64)?,
    };
    // the levels, with the gradient of the line
    (&line - line.detach())? + levels
}

#[cfg(test)]
mod tests {
    use candle_core::Var;
    use fhe_nn_proof::client::{Combination, ScoreTerm};

    use super::*;

    #[test]
    fn outputs_are_those_of_the_client_with_gradients() -> Computed<()> {
        let term = |score, weight| ScoreTerm { score, weight };
        let mean = Combination {
            offset: 0.25,
            terms: vec![term(0, 0.5), term(2, 0.5)].into(),
        };
        let none = Combination {
            offset: -1.0,
            terms: Vec::new().into(),
        };
        let mut own = Outputs {
            combinations: vec![Combination::one(2), mean, none].into(),
            grid: None,
        };
        let scores = Var::from_vec(vec![1f32, 7.0, 3.0, -2.0, 0.0, 0.5], (2, 3), &Device::Cpu)?;
        let grid = |form| OutputGrid {
            scale: 0.5,
            zero_point: 1,
            lo: 0,
            hi: 5,
            form,
        };
        for (grid, slope) in [
            (None, 1.0),
            (Some(grid(OutputForm::Real)), 1.0),
            (Some(grid(OutputForm::Level)), 2.0),
        ] {
            own.grid = grid;
            let made = outputs(&scores, &own)?;
            for (row, made) in scores.to_vec2::<f32>()?.iter().zip(made.to_vec2::<f32>()?) {
                let row: Vec<f64> = row.iter().map(|&x| x.into()).collect();
                let made: Vec<f64> = made.iter().map(|&x| x.into()).collect();
                assert_eq!(made, own.of(&row), "{grid:?}");
            }
            let gradients = made.sum_all()?.backward()?;
            let gradient = gradients.get(&scores).expect("outputs depend on scores");
            let row = [0.5, 0.0, 1.5].map(|x: f32| x * slope);
            assert_eq!(gradient.to_vec2::<f32>()?, [row, row]);
        }
        Ok(())
    }
}
