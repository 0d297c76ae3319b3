//! Neurons that decay has made idle: no score has a weight for any of their results, so they can be left out.

use fhe_nn_core::Error;
use fhe_nn_core::prelude::*;
use fhe_nn_core::spec::{Op, Spec};
use fhe_nn_core::train::{Family, Number};
use ndarray::{ArrayD, Axis};

/// The trained network without its idle neurons, which gives the same scores. `None` if no neuron is idle or all are, or if the
/// network is not a `Dense` layer, an activation and a `Dense` layer.
///
/// # Errors
/// Those of a declaration with fewer neurons.
pub(crate) fn without_idle(spec: &Spec, floats: &Floats) -> Result<Option<(Spec, Floats)>, Error> {
    let [hidden, activation, scores] = &*spec.layers else {
        return Ok(None);
    };
    let (Op::Dense(dense), Op::Activation(act), Op::Dense(_)) =
        (&hidden.op, &activation.op, &scores.op)
    else {
        return Ok(None);
    };
    let (neurons, phases) = (dense.outputs, act.phases.max(1) as usize);
    let weights = format!("{}.weight", scores.name);
    let Some(reads) = floats.get(&weights) else {
        return Ok(None);
    };
    // value q n + j is that of phase q of neuron j
    let columns = |neuron: usize| (0..phases).map(move |phase| phase * neurons + neuron);
    let is_idle = |neuron: usize| {
        columns(neuron).all(|column| reads.index_axis(Axis(1), column).iter().all(|w| *w == 0.0))
    };
    let kept: Vec<usize> = (0..neurons).filter(|&neuron| !is_idle(neuron)).collect();
    if kept.len() == neurons || kept.is_empty() {
        return Ok(None);
    }
    let values: Vec<usize> = (0..phases)
        .flat_map(|phase| kept.iter().map(move |neuron| phase * neurons + neuron))
        .collect();
    let mut fewer = Floats::new();
    for (name, tensor) in floats.iter() {
        let own = name.rsplit_once('.').map(|(layer, _)| layer) == Some(&*hidden.name);
        let tensor: ArrayD<f32> = if own {
            tensor.select(Axis(0), &kept)
        } else if name == weights {
            tensor.select(Axis(1), &values)
        } else {
            tensor.clone()
        };
        fewer.insert(name, tensor)?;
    }
    let family = Family::new(spec).vary(&hidden.name, Number::Neurons, [kept.len() as u32]);
    let spec = family.members()?.into_iter().next();
    Ok(spec.map(|spec| (spec, fewer)))
}
