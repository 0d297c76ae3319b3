//! The proof of a model: everything that follows from a declaration and the bytes of a model file.
//!
//! Reading the file proves the bit-width of every neuron from its weights. The sums determine what is
//! required of parameters, and the search finds a plan or shows that there is none. The macro does
//! this when it expands, and a network when it is loaded and planned. Both use the same functions, so
//! their results are the same, bit for bit.

use crate::error::{ModelError, ProofError};
use crate::graph::Graph;
use crate::model;
use crate::part::Part;
use crate::plan::{Plan, PlanError, PlanOptions, Requirements};
use crate::spec::Spec;

/// A model that keeps what was declared and can run encrypted.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Proof {
    /// The integers of the layers, in the order of declaration.
    pub parts: Vec<Part>,
    /// The requirements that they put on parameters.
    pub requirements: Requirements,
    /// The parameters.
    pub plan: Plan,
}

/// Proves a model.
///
/// # Errors
/// Those of [`model::from_bytes`], [`Graph::new`] and [`Graph::plan`].
pub fn prove(spec: &Spec, bytes: &[u8], options: &PlanOptions) -> Result<Proof, ProofError> {
    let parts = model::from_bytes(spec, bytes)?;
    let (requirements, plan) = Graph::new(spec, &parts)?.plan(options)?;
    Ok(Proof {
        parts,
        requirements,
        plan,
    })
}

/// The greatest whole number of `failure_bits`, below that of `options`, for which a model has
/// parameters; `None` if it has none even at 1.
///
/// # Errors
/// Those of [`model::from_bytes`], [`Graph::new`] and [`Graph::requirements`].
pub fn reachable_failure_bits(
    spec: &Spec,
    bytes: &[u8],
    options: &PlanOptions,
) -> Result<Option<u32>, ModelError> {
    let parts = model::from_bytes(spec, bytes)?;
    let graph = Graph::new(spec, &parts)?;
    let requirements = graph.requirements(graph.fingerprint())?;
    let exist = |bits: u32| {
        let options = options.with_failure_bits(bits.into());
        let found = Plan::find(&requirements, &options);
        matches!(found, Ok(_) | Err(PlanError::Memory { .. }))
    };
    // there are parameters at `least`, and none at `beyond`
    let (mut least, mut beyond) = (1, options.failure_bits().ceil() as u32);
    if beyond <= least || !exist(least) {
        return Ok(None);
    }
    while beyond - least > 1 {
        let middle = least + (beyond - least) / 2;
        if exist(middle) {
            least = middle
        } else {
            beyond = middle
        }
    }
    Ok(Some(least))
}

impl Graph<'_> {
    /// The requirements that the integers put on parameters, and the best parameters that satisfy them.
    ///
    /// # Errors
    /// Those of [`Graph::requirements`] and [`Plan::find`].
    pub fn plan(&self, options: &PlanOptions) -> Result<(Requirements, Plan), ProofError> {
        let requirements = self.requirements(self.fingerprint())?;
        let plan = Plan::find(&requirements, options)?;
        Ok((requirements, plan))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::array;

    use super::*;
    use crate::client::Affine;
    use crate::part::{Linear, Tables};
    use crate::spec::{ActivationSpec, DenseSpec, Function, Input, Layer, Op, Overflow, Rounding};

    #[test]
    fn a_model_proves_what_its_network_plans() {
        let (spec, parts) = (both(2, Overflow::Checked), parts(1));
        let bytes = model::to_bytes(&spec, &parts);
        let options = PlanOptions::default();
        let proof = prove(&spec, &bytes, &options).expect("a model that holds");
        assert_eq!(proof.parts, parts);
        let graph = Graph::new(&spec, &parts).expect("its parts");
        assert_eq!(proof.requirements.model, graph.fingerprint());
        let (requirements, plan) = graph.plan(&options).expect("parameters exist");
        assert_eq!((&proof.requirements, &proof.plan), (&requirements, &plan));
        assert!(plan.serves(&requirements));
    }

    #[test]
    fn a_neuron_that_breaks_its_promise_is_named() {
        let (spec, parts) = (both(2, Overflow::Checked), parts(3));
        let bytes = model::to_bytes(&spec, &parts);
        let error = prove(&spec, &bytes, &PlanOptions::default()).expect_err("sums reach 6");
        assert!(matches!(
            error,
            ProofError::Model(ModelError::AccumulatorBreaks {
                neuron: 0,
                needs: 4,
                promised: 3,
                ..
            })
        ));
    }

    #[test]
    fn the_greatest_failure_bound_is_found() {
        // scores of 20 bits from noisy values
        let spec = both(20, Overflow::Calibrated);
        let mut parts = parts(1);
        if let Some(Part::Linear(scores)) = parts.last_mut() {
            let scores = Arc::make_mut(scores);
            (scores.weights, scores.widths) = (array![[63]], vec![20]);
        }
        let bytes = model::to_bytes(&spec, &parts);
        let with = |failure_bits| PlanOptions::new().with_failure_bits(failure_bits);
        let most = reachable_failure_bits(&spec, &bytes, &with(1024.0)).expect("a model");
        let most = most.expect("a bound that parameters reach");
        assert!(most > 1);
        let exist = |bits: u32| prove(&spec, &bytes, &with(bits.into())).is_ok();
        assert!(exist(most) && !exist(most + 1));
        let asked = with((most + 1).into());
        let again = reachable_failure_bits(&spec, &bytes, &asked).expect("a model");
        assert_eq!(again, Some(most));
        let none = reachable_failure_bits(&spec, &bytes, &with(1.0)).expect("a model");
        assert_eq!(none, None, "nothing is below 1");
    }

    #[test]
    fn a_model_without_a_plan_says_why() {
        let spec = both(2, Overflow::Checked);
        let bytes = model::to_bytes(&spec, &parts(1));
        let options = PlanOptions::new().with_failure_bits(2048.0);
        let error = prove(&spec, &bytes, &options).expect_err("no probability");
        assert!(matches!(error, ProofError::Plan(PlanError::FailureBits(_))));
    }

    /// A network whose scores have accumulators of this bit-width.
    fn both(accumulator: u32, overflow: Overflow) -> Spec {
        let dense = |inputs, weights, accumulator, overflow| {
            Op::Dense(DenseSpec {
                inputs,
                outputs: 1,
                weights,
                accumulator,
                overflow,
            })
        };
        let relu = Op::Activation(ActivationSpec {
            function: Function::Relu,
            output: 1,
            table: None,
            rounding: Rounding::Exact,
            phases: 1,
        });
        let layers = vec![
            Layer::new("sum", dense(2, 3, 3, Overflow::Checked)),
            Layer::new("both", relu),
            Layer::new("score", dense(1, 7, accumulator, overflow)),
        ];
        Spec {
            layers: layers.into(),
            ..Spec::new("Both", Input::new(&[2], 1), &[])
        }
    }

    /// Parts with this weight in the first layer. With weight 1, its sums stay within the 3 bits that
    /// are promised.
    fn parts(weight: i16) -> Vec<Part> {
        let linear = |weights, width| {
            Part::Linear(Arc::new(Linear {
                weights,
                constants: vec![0],
                widths: vec![width],
                scales: vec![1.0],
                bias: vec![0.0],
                input: Affine {
                    scale: 1.0,
                    zero_point: 0,
                }
                .into(),
            }))
        };
        let table: [i16; 8] = [0, 0, 0, 0, 0, 0, 1, 1];
        vec![
            linear(array![[weight, weight]], 3),
            Part::Tables(Tables::new([&table[..]]).into()),
            linear(array![[1]], 2),
        ]
    }
}
